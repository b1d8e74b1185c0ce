package org.replicationserver.agent;

/** Why a speed test has no result. Immutable. */
record SpeedTestFailure(Kind kind, String text) {
    /** With the exit codes of the program, after sysexits.h where it has one. */
    enum Kind {
        /** The server is not reachable, or its connections broke. */
        UNREACHABLE(69),
        /** The server ended it. */
        ENDED_BY_SERVER(69),
        /** The agent has a bug. */
        BROKEN(70),
        /** A disk cannot be read. */
        SOURCE_FAILED(74),
        /** The server runs as many speed tests as it may, or stops. */
        BUSY(75),
        /** The server has no speed tests, or does not speak this protocol. */
        PROTOCOL(76),
        /** The server refuses this agent, or shows a pin that is not expected. */
        FORBIDDEN(77),
        /** It was stopped before there was anything to tell; after SIGINT the program says 130. */
        STOPPED(143);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }
}
