package org.replicationserver.receiver;

/** Exit codes of the commands, after sysexits. 2 is picocli's for a wrong command line, 78 that of a wrong configuration. */
final class ExitCode {
    /** The server cannot listen, another server has its state directory, or a running server does not answer. */
    static final int UNAVAILABLE = 69;

    /** A file or directory cannot be made, read or written. */
    static final int IO_ERROR = 74;

    /** The server answered that it cannot do what was asked. */
    static final int REFUSED = 1;

    /** Somebody else uses it just now; the same will do later. */
    static final int IN_USE = 75;

    private ExitCode() {}
}
