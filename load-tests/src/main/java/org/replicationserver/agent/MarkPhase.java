package org.replicationserver.agent;

/** The two calls of a mark command: before the first block of an epoch is read, and after the last one was. */
enum MarkPhase {
    FREEZE("freeze"),
    THAW("thaw");

    private final String argument;

    MarkPhase(String argument) {
        this.argument = argument;
    }

    String argument() {
        return argument;
    }
}
