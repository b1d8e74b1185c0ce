package org.replicationserver.receiver.protocol;

import java.util.List;

/** The optional features of section 4 of the specification: an agent names them in HELLO, a server grants them in WELCOME. */
public final class Features {
    /** The agent tells of its backlog and of what it waits for by SOURCE_STATUS. */
    public static final String SOURCE_STATUS = "source-status";

    /** The agent commits soon when it is asked to by COMMIT_REQUEST. */
    public static final String COMMIT_REQUEST = "commit-request";

    private static final List<String> ALL = List.of(SOURCE_STATUS, COMMIT_REQUEST);

    private Features() {}

    /** Those of the wanted features that this version defines, each once. */
    public static List<String> granted(List<String> wanted) {
        return ALL.stream().filter(wanted::contains).toList();
    }
}
