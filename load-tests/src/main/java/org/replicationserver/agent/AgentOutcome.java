package org.replicationserver.agent;

/** How a replication ended. Immutable. */
public record AgentOutcome(Exit exit, String text) {
    /** The exit codes of the program, after sysexits.h where it has one. */
    public enum Exit {
        DONE(0, "all cycles are committed, or it was stopped"),
        UNREACHABLE(69, "no session could be opened within --connect-timeout"),
        SOURCE_FAILED(74, "a source disk cannot be read any more"),
        PROTOCOL(76, "server and agent do not understand each other, or disagree about a disk's size"),
        FORBIDDEN(77, "the server refuses this agent's certificate, id or disks, or shows a pin that is not expected");

        private final int code;
        private final String meaning;

        Exit(int code, String meaning) {
            this.code = code;
            this.meaning = meaning;
        }

        public int code() {
            return code;
        }

        public String meaning() {
            return meaning;
        }
    }
}
