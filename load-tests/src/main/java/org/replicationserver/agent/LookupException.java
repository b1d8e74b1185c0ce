package org.replicationserver.agent;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the server is cannot be found out now; the message is a whole sentence for people. */
final class LookupException extends IOException {
    private static final long serialVersionUID = 1;

    private final boolean expected;

    private LookupException(String message, boolean expected, @Nullable Throwable cause) {
        super(message, cause);
        this.expected = expected;
    }

    /** Nothing is wrong: it is not decided yet. */
    static LookupException notYet(String message) {
        return new LookupException(message, true, null);
    }

    static LookupException failed(String message) {
        return new LookupException(message, false, null);
    }

    static LookupException failed(String message, Throwable cause) {
        return new LookupException(message, false, cause);
    }

    boolean isExpected() {
        return expected;
    }
}
