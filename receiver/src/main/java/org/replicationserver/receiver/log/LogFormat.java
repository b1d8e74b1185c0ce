package org.replicationserver.receiver.log;

/** How log lines are written to standard output. */
public enum LogFormat {
    /** JSON where standard output is systemd's journal, text elsewhere. */
    AUTO,
    TEXT,
    JSON;

    boolean isJson(boolean toJournal) {
        return this == JSON || (this == AUTO && toJournal);
    }
}
