package org.replicationserver.receiver.log;

/** How log lines are written to standard output. */
public enum LogFormat {
    /** JSON where standard output is systemd's journal, text elsewhere. */
    AUTO,
    TEXT,
    JSON;

    /** The variable by which systemd tells its services that they write to the journal. */
    private static final String JOURNAL = "JOURNAL_STREAM";

    boolean isJson() {
        return this == JSON || (this == AUTO && System.getenv(JOURNAL) != null);
    }
}
