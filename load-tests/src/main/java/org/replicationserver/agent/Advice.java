package org.replicationserver.agent;

import java.util.Collection;
import java.util.Locale;
import java.util.stream.Collectors;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.Refusal;
import org.replicationserver.cert.RefusalReason;

/** Refusals as one line for a person, with what to do next: where a control plane assigns it is that which must do it. */
final class Advice {
    /** What a server says of two agents that take turns, see section 6 of the specification. */
    private static final String DUPLICATE = "duplicate agent";

    private Advice() {}

    /** The server refused our certificate with a TLS alert. */
    static String certificateRefused(ReplicationPlan plan, String alert) {
        return certificateRefused(plan.sourceServerId(), plan.agentPin(), plan.hasControlPlane(), alert);
    }

    /**
     * The same for who has no plan.
     *
     * @param controlled whether a control plane assigns
     */
    static String certificateRefused(String sourceServerId, String agentPin, boolean controlled, String alert) {
        if (alert.toLowerCase(Locale.ROOT).contains("expired")) {
            return "the server refuses this agent's certificate for its dates (" + alert
                    + "); compare the clocks of both machines, or make a new identity in another directory";
        }
        return "the server does not know this agent, pin " + agentPin
                + (controlled
                        ? "; it will when the control plane has assigned source server " + sourceServerId
                                + " with this pin to it"
                        : "; on the server: ./run assign --source-server-id " + sourceServerId + " --agent-pin "
                                + agentPin);
    }

    /** The server said FORBIDDEN. */
    static String forbidden(ReplicationPlan plan, String text) {
        if (text.contains(DUPLICATE)) {
            return "another agent of this source server takes turns with this one, with the same key (a cloned machine?) or another one (registered"
                    + " twice?); stop one of them, then "
                    + (plan.hasControlPlane()
                            ? "have the control plane send ACCEPT_AGENTS for source server " + plan.sourceServerId()
                            : "on the server: ./run source accept-agents " + plan.sourceServerId());
        }
        return "the server refuses this agent: " + text + "; " + changeAssignment(plan);
    }

    /** The server expects a disk of another size. */
    static String otherSize(ReplicationPlan plan, ReplicationPlan.Disk disk) {
        return "assign it with its " + disk.sizeBytes() + " bytes, on a volume that is as large; "
                + changeAssignment(plan);
    }

    /** The server has no volume for a disk. */
    static String notAssigned(ReplicationPlan plan) {
        return "assign a volume to it, or start the agent without it; " + changeAssignment(plan);
    }

    private static String changeAssignment(ReplicationPlan plan) {
        return "what is assigned is changed "
                + (plan.hasControlPlane() ? "by the control plane" : "on the server by ./run assign");
    }

    /** A volume takes no writes. */
    static String reopen(ReplicationPlan plan, String volumeId) {
        return "repair the volume, then "
                + (plan.hasControlPlane()
                        ? "have the control plane send REOPEN_VOLUME for " + volumeId
                        : "on the server: ./run volume reopen " + volumeId);
    }

    /**
     * There is no connection.
     *
     * @param place host and port, as they were tried
     * @param controlled whether a control plane says where the server is
     */
    static String unreachable(String place, String why, boolean controlled) {
        return "cannot connect to " + place + ": " + why
                + "; look whether the server runs there, on the server: ./run status, whether a firewall or security group lets TCP through, and whether "
                + (controlled ? "the control plane tells its right address" : "--server names it");
    }

    /**
     * We refused the server's certificate.
     *
     * @param pinsMayChange where the expected pins come from
     */
    static String serverRefused(
            String server, Refusal refusal, Collection<Pin> expected, ServerLookup.Change pinsMayChange) {
        if (refusal.reason() == RefusalReason.NOT_PINNED) {
            String pins = expected.stream().map(Pin::toString).sorted().collect(Collectors.joining(" or "));
            return server + " shows pin " + refusal.pin() + ", expected is " + pins + "; if the server has a new key, "
                    + (pinsMayChange == ServerLookup.Change.SERVER
                            ? "the control plane must tell its pin"
                            : "start with --server-pin " + refusal.pin());
        }
        return "the certificate of " + server + " is not accepted: " + refusal.reason() + ", " + refusal.detail();
    }
}
