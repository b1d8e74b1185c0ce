package org.replicationserver.agent;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.HttpMessage;
import org.replicationserver.fuzz.Rules;

/**
 * Answers of the control plane to the agent that asks for its server. The first byte of an input chooses the HTTP status; then follow
 * headers and body as {@link HttpMessage} has them. No name of a host is looked up.
 *
 * <p>Rules: an answer that is no pairing is a line for people; a pairing has a host, a port and at least one pin, and words that can be
 * printed.
 */
public final class PairingAnswers implements FuzzTarget {
    private static final int[] STATUSES = {200, 200, 200, 200, 301, 400, 403, 404, 409, 500};
    private static final int LINE_CHARS_MAX = 1024;
    private static final String OPERATION = "GetAgentRuntimeConfigurationForMgn";
    private static final ControlPlaneName NAME =
            new ControlPlaneName(URI.create("https://control-plane.example"), "the authority", "the access key");

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        int status = STATUSES[Byte.toUnsignedInt(input[0]) % STATUSES.length];
        HttpMessage message = HttpMessage.of(input, 1);
        HttpHeaders headers = HttpHeaders.of(message.headers(), (_, _) -> true);
        ApiClient.Answer answer =
                ApiClient.Answer.of(status, headers, new String(message.body(), StandardCharsets.UTF_8));
        try {
            Pairing pairing = Pairing.of(NAME.content(OPERATION, answer), NAME, "s-1");
            Rules.require(status == 200, "only 200 is a success");
            Rules.requireLine(pairing.words(), LINE_CHARS_MAX);
            Rules.requireLine(pairing.address().toString(), LINE_CHARS_MAX);
            Rules.require(!pairing.pins().isEmpty(), "a server has a pin");
        } catch (LookupException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
        }
    }
}
