package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.replicationserver.controlplane.ApiClient.Answer;

/** What the simulator makes of requests that are not as the document says, and what it keeps of each. */
final class SimulatorContractTest extends SimulatorWorld {
    SimulatorContractTest() throws IOException {}

    @Test
    void aRequestThatIsNotAsTheDocumentSaysIsAnsweredAndKept() throws Exception {
        Answer answer = server.call("GetChannelCommandsForMgn", pollOf(SERVER, 21));
        assertRefused(answer, ErrorCode.VALIDATION);
        assertThat(answer.body().getString("message")).contains("/waitSeconds", "allowed: integer, from 0 to 20");
        assertThat(simulator.violations())
                .singleElement()
                .extracting(ContractViolation::operation, ContractViolation::place)
                .containsExactly("GetChannelCommandsForMgn", "/waitSeconds");
    }

    @Test
    void whatIsNoRequestAtAllIsAnsweredAndKept() throws Exception {
        assertRefused(server.send(server.sign("GetChannelCommandsForMgn", new byte[] {'['})), ErrorCode.VALIDATION);
        assertRefused(
                server.send(server.sign("GetChannelCommandsForMgn", new byte[5 * (int) MIB])), ErrorCode.VALIDATION);
        assertRefused(server.call("MakeCoffee", new JsonObject()), ErrorCode.VALIDATION);
        assertThat(simulator.violations()).hasSize(3);
    }

    @Test
    void retriesOfACallCanBeToldApart() throws Exception {
        String invocationId = UUID.randomUUID().toString();
        byte[] body = pollOf(SERVER, 0).toBuffer().getBytes();
        for (int attempt = 1; attempt <= 2; attempt++) {
            server.send(server.sign("GetChannelCommandsForMgn", body)
                    .setHeader("amz-sdk-invocation-id", invocationId)
                    .setHeader("amz-sdk-request", "attempt=" + attempt + "; max=3"));
        }
        assertThat(simulator.exchanges("GetChannelCommandsForMgn"))
                .allSatisfy(exchange -> assertThat(exchange.invocationId()).isEqualTo(invocationId))
                .extracting(Exchange::attempt)
                .containsExactly("attempt=1; max=3", "attempt=2; max=3");
    }

    @Test
    void answersMayHaveMembersThatNobodyKnowsYet() throws Exception {
        assign(SERVER, true);
        simulator.addUnknownMembers(true);
        JsonObject described = describe(SERVER);
        JsonObject disk = described
                .getJsonArray("associations")
                .getJsonObject(0)
                .getJsonArray("disks")
                .getJsonObject(0);
        assertThat(described.fieldNames()).contains(UnknownMembers.NAME);
        assertThat(disk.fieldNames()).contains(UnknownMembers.NAME, "volumeId");
        assertNoViolations();
    }
}
