package org.replicationserver.receiver.software;

import java.io.IOException;

/** S3 has answered that it cannot do it now, which is no trouble on the way to it. Immutable, any thread. */
final class ServerFaultException extends IOException {
    private static final long serialVersionUID = 1;

    ServerFaultException(String answer) {
        super(answer);
    }
}
