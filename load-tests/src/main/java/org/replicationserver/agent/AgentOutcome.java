package org.replicationserver.agent;

/** How a replication ended. Immutable. */
public record AgentOutcome(Exit exit, String text) {
    /** The exit codes of the program, after sysexits.h where it has one. */
    public enum Exit {
        /** All cycles are committed. */
        DONE(0),
        /** As DONE, but a volume is not what was sent to it. */
        DIFFERS(1),
        /** No session could be opened within --connect-timeout. */
        UNREACHABLE(69),
        /** The agent has a bug. */
        BROKEN(70),
        /** No source disk can be read any more. */
        SOURCE_FAILED(74),
        /** All cycles are committed, the last one without disks that were left out. */
        INCOMPLETE(75),
        /** Server and agent do not understand each other. */
        PROTOCOL(76),
        /** The server refuses this agent's certificate or id, or all of its disks at first, or shows a pin that is not expected. */
        FORBIDDEN(77),
        /** It was stopped before its last cycle was committed; after SIGINT the program says 130. */
        STOPPED(143);

        private final int code;

        Exit(int code) {
            this.code = code;
        }

        public int code() {
            return code;
        }
    }
}
