package org.replicationserver.receiver.protocol;

import java.util.List;

/** The optional features of section 4 of the specification: an agent names them in HELLO, a server grants them in WELCOME. */
public final class Features {
    /** The agent tells of its backlog and of what it waits for by SOURCE_STATUS. */
    public static final String SOURCE_STATUS = "source-status";

    /** Speed tests, on connections of their own: TEST_OPENED grants it, WELCOME never does. */
    public static final String SPEED_TEST = "speed-test";

    /** The agent commits soon when it is asked to by COMMIT_REQUEST. */
    public static final String COMMIT_REQUEST = "commit-request";

    /** Hashes of blocks are compared with what a volume holds, by HASH_OFFER and HASH_DIFF. */
    public static final String HASH_OFFER = "hash-offer";

    private static final List<String> ALL = List.of(SOURCE_STATUS, COMMIT_REQUEST, HASH_OFFER);

    private Features() {}

    /** Those of the wanted features that WELCOME can grant, each once. */
    public static List<String> granted(List<String> wanted) {
        return ALL.stream().filter(wanted::contains).toList();
    }
}
