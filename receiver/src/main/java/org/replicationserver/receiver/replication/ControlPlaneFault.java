package org.replicationserver.receiver.replication;

/** Why the control plane cannot be asked. */
public enum ControlPlaneFault {
    /** It answers, and refuses this server; or there are no credentials to ask with. */
    NOT_AUTHENTICATED,

    /** It does not answer. */
    UNREACHABLE
}
