package org.replicationserver.controlplane;

/**
 * A place where a request or an answer is not as the document says.
 *
 * @param operation the operation's name
 * @param part "request", or "answer" and its status
 * @param place a JSON pointer into the body, or "header" and its name
 * @param problem what is there
 * @param allowed what may be there
 */
public record ContractViolation(String operation, String part, String place, String problem, String allowed) {
    /** The place and what is allowed there, for the one who sent it. */
    String message() {
        return (place.isEmpty() ? "body" : place) + ": " + problem + "; allowed: " + allowed;
    }

    @Override
    public String toString() {
        return operation + " " + part + " " + message();
    }
}
