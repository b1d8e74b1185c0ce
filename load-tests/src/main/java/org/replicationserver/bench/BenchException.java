package org.replicationserver.bench;

/** The bench cannot go on; the message is one line for the person who started it. */
final class BenchException extends Exception {
    BenchException(String message) {
        super(message);
    }

    BenchException(String message, Throwable cause) {
        super(message, cause);
    }
}
