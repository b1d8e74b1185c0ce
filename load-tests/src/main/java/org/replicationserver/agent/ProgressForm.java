package org.replicationserver.agent;

/** How progress is shown. */
enum ProgressForm {
    AUTO,
    TERMINAL,
    PLAIN;

    boolean isTerminal(boolean onTerminal) {
        return this == TERMINAL || (this == AUTO && onTerminal);
    }
}
