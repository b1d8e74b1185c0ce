package org.replicationserver.receiver.log;

import ch.qos.logback.classic.Level;

/** Severities of log lines, the worst first; the words are those of logback. */
public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG;

    Level level() {
        return Level.valueOf(name());
    }
}
