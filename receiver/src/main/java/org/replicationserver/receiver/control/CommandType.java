package org.replicationserver.receiver.control;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The commands of the API: what each is about; its parameters are read by {@link CommandParameters}. */
public enum CommandType {
    PAIR_SOURCE_SERVER(About.SOURCE_SERVER),
    UNPAIR_SOURCE_SERVER(About.SOURCE_SERVER),
    START_REPLICATION(About.SOURCE_SERVER),
    PAUSE_REPLICATION(About.SOURCE_SERVER),
    RESUME_REPLICATION(About.SOURCE_SERVER),
    STOP_REPLICATION(About.SOURCE_SERVER),
    RESCAN_VOLUMES(About.SOURCE_SERVER),
    VERIFY_VOLUMES(About.SOURCE_SERVER),
    SET_BANDWIDTH(About.EITHER),
    CREATE_SNAPSHOT(About.SOURCE_SERVER),
    ROTATE_CERTIFICATE(About.WHOLE_SERVER),
    FETCH_SOFTWARE(About.WHOLE_SERVER),
    REOPEN_VOLUME(About.WHOLE_SERVER),
    ACCEPT_AGENTS(About.SOURCE_SERVER),
    COLLECT_LOGS(About.WHOLE_SERVER),
    DRAIN_SERVER(About.WHOLE_SERVER);

    /** Whether a command names a source server. */
    enum About {
        SOURCE_SERVER,
        WHOLE_SERVER,
        /** About the one that is named, or about the whole server. */
        EITHER
    }

    private final About about;

    CommandType(About about) {
        this.about = about;
    }

    /** The type of a name, or null. */
    static @Nullable CommandType of(String name) {
        for (CommandType type : values()) {
            if (type.name().equals(name)) {
                return type;
            }
        }
        return null;
    }

    /** All names, for people. */
    static String names() {
        return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
    }

    About about() {
        return about;
    }
}
