package org.replicationserver.receiver.control;

/** Something that came from the control plane is not as the API says; the message names the member and what is allowed. */
final class MalformedException extends Exception {
    private static final long serialVersionUID = 1;

    MalformedException(String message) {
        super(message);
    }
}
