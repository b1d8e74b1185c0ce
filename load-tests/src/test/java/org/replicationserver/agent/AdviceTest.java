package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.Refusal;
import org.replicationserver.cert.RefusalReason;

/** What is advised is what works for whoever told the agent of its server. */
final class AdviceTest {
    private static final Pin PIN = Pin.parse("sha256:" + "cd".repeat(32));

    private static ReplicationPlan plan(ServerLookup.Change change) {
        return new ReplicationPlan("s-1", PIN.toString(), "1", 1, List.of(), 0, 0, 0, true, false, false, 0, change);
    }

    private static String serverRefused(ServerLookup.Change change) {
        Refusal refusal = new Refusal(RefusalReason.NOT_PINNED, PIN, "unknown");
        return Advice.serverRefused("there", refusal, Set.of(), change);
    }

    @Test
    void controlPlaneIsAskedWhereItAssigns() {
        ReplicationPlan plan = plan(ServerLookup.Change.SERVER);
        assertThat(Advice.certificateRefused(plan, "unknown"))
                .isEqualTo("the server does not know this agent, pin " + plan.agentPin()
                        + "; it will when the control plane has assigned source server s-1 with this pin to it");
        assertThat(Advice.forbidden(plan, "no such disk"))
                .isEqualTo(
                        "the server refuses this agent: no such disk; what is assigned is changed by the control plane");
        assertThat(Advice.forbidden(plan, "duplicate agent"))
                .endsWith("stop one of them, then have the control plane send ACCEPT_AGENTS for source server s-1");
        assertThat(Advice.reopen(plan, "vol-1"))
                .isEqualTo("repair the volume, then have the control plane send REOPEN_VOLUME for vol-1");
        assertThat(serverRefused(ServerLookup.Change.SERVER))
                .endsWith("; if the server has a new key, the control plane must tell its pin");
        assertThat(Advice.unreachable("192.0.2.1:1500", "timeout", true))
                .startsWith("cannot connect to 192.0.2.1:1500: timeout; look whether the server runs there")
                .endsWith("and whether the control plane tells its right address");
    }

    @ParameterizedTest
    @EnumSource(names = {"NOTHING", "PINS"})
    void commandsOnTheServerAreToldWhereItWasNamed(ServerLookup.Change change) {
        ReplicationPlan plan = plan(change);
        assertThat(Advice.certificateRefused(plan, "unknown"))
                .endsWith("; on the server: ./run assign --source-server-id s-1 --agent-pin " + plan.agentPin());
        assertThat(Advice.forbidden(plan, "no such disk")).endsWith("changed on the server by ./run assign");
        assertThat(Advice.forbidden(plan, "duplicate agent")).endsWith("on the server: ./run source accept-agents s-1");
        assertThat(Advice.reopen(plan, "vol-1")).endsWith("on the server: ./run volume reopen vol-1");
        assertThat(serverRefused(change)).endsWith("start with --server-pin " + PIN);
    }
}
