package org.replicationserver.receiver.replication;

/** Why the control plane cannot be asked. */
public enum ControlPlaneFault {
    /** It answers, and refuses this server; or there are no credentials to ask with. */
    NOT_AUTHENTICATED,

    /** There is no connection to it: name, route, port, time, TLS. */
    UNREACHABLE,

    /** It answers that there are too many calls. */
    THROTTLED,

    /** It answers that it has failed. */
    SERVER_ERROR,

    /** What answers does not speak the control API. */
    BAD_ANSWER
}
