package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.HttpMessage;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;

/**
 * Answers of the control plane, or of who stands in for it. The first byte of an input chooses the operation, the second the HTTP status;
 * then follow headers and body as {@link HttpMessage} has them.
 *
 * <p>Rules: what is no answer of the API is a failure with a sentence and what to do; each command, association and request is read by
 * itself; what was read is the same when it is kept and read again.
 */
public final class ControlAnswers implements FuzzTarget {
    private static final int[] STATUSES = {
        200, 200, 200, 200, 301, 400, 401, 403, 404, 407, 408, 409, 413, 429, 500, 503
    };
    private static final int SENTENCE_CHARS_MAX = 4096;
    private static final int ID_CHARS_MAX = 100;
    private static final Duration WAIT_MAX = Duration.ofDays(1);
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final Signer SIGNER = new Signer(CredentialsSource.INSTANCE, "AKIDEXAMPLE");

    @Override
    public void run(byte[] input) {
        if (input.length < 2) {
            return;
        }
        int status = STATUSES[Byte.toUnsignedInt(input[1]) % STATUSES.length];
        HttpMessage message = HttpMessage.of(input, 2);
        HttpAnswer answer = new HttpAnswer(status, message.headers(), Buffer.buffer(message.body()), NOW, SIGNER);
        answer.requestId().ifPresent(ControlAnswers::requireLineOrNothing);
        JsonObject content;
        try {
            content = answer.content();
        } catch (ControlPlaneException e) {
            Rules.requireLine(e.sentence(), SENTENCE_CHARS_MAX);
            Rules.requireLine(e.nextAction(), SENTENCE_CHARS_MAX);
            e.requestId().ifPresent(ControlAnswers::requireLineOrNothing);
            e.retryAfter()
                    .ifPresent(wait -> Rules.require(
                            !wait.isNegative() && wait.compareTo(WAIT_MAX) <= 0, "nobody is asked to wait for ever"));
            return;
        }
        Rules.require(status == 200, "only 200 is a success");
        try {
            switch (Byte.toUnsignedInt(input[0]) % 4) {
                case 0 -> associations(content);
                case 1 -> commands(content);
                case 2 -> snapshotRequests(content);
                default -> tags(content);
            }
        } catch (MalformedException e) {
            Rules.requireLine(e.getMessage(), SENTENCE_CHARS_MAX);
        }
    }

    private static void requireLineOrNothing(String id) {
        if (!id.isEmpty()) {
            Rules.requireLine(id, ID_CHARS_MAX);
        }
    }

    private static void associations(JsonObject content) throws MalformedException {
        AssociationsAnswer answer = AssociationsAnswer.read(content);
        int given = content.getJsonArray("associations").size();
        Rules.require(
                answer.associations().associations().size() + answer.malformed().size() == given,
                "each association is read or told to be malformed");
        answer.malformed().forEach(one -> Rules.requireLine(one.mistake(), SENTENCE_CHARS_MAX));
        Associations former = answer.after(Associations.NONE);
        Rules.requireSame(former, answer.after(former), "the same answer changes nothing");
        requireKept(answer.associations());
    }

    /** As {@link AssociationStore} keeps them. */
    private static void requireKept(Associations associations) throws MalformedException {
        JsonObject kept = new JsonObject(associations.toJson().encode());
        AssociationsAnswer again = AssociationsAnswer.read(kept);
        Rules.require(again.malformed().isEmpty() && again.bandwidthMistake() == null, "what was read can be kept");
        Rules.requireSame(associations, again.associations(), "associations are the same when they are read again");
    }

    private static void commands(JsonObject content) throws MalformedException {
        List<PolledCommand> commands = PolledCommand.readAll(content);
        int given = content.getJsonArray("commands").size();
        Rules.require(commands.size() == Math.min(given, WireForms.COMMANDS_MAX), "each command is read");
        for (PolledCommand command : commands) {
            switch (command) {
                case PolledCommand.Sound sound -> requireSound(sound.command());
                case PolledCommand.Invalid invalid -> {
                    Rules.requireLine(invalid.mistake(), SENTENCE_CHARS_MAX);
                    requireAnswerable(invalid.commandId(), CommandResult.invalid(invalid.mistake()));
                }
                case PolledCommand.Nameless nameless -> Rules.requireLine(nameless.mistake(), SENTENCE_CHARS_MAX);
            }
        }
    }

    private static void requireSound(ChannelCommand command) throws MalformedException {
        Rules.require(
                command.type().about() != CommandType.About.WHOLE_SERVER || command.sourceServerId() == null,
                "a command about the whole server names no source server");
        if (command.parameters() instanceof CommandParameters.Pairing pairing) {
            Rules.requireSame(
                    pairing.association().sourceServerId(),
                    command.sourceServerId(),
                    "a pairing is of one source server");
            requireKept(new Associations(List.of(pairing.association()), null));
        }
        requireAnswerable(command.commandId(), CommandResult.succeeded(""));
    }

    private static void requireAnswerable(String commandId, CommandResult result) {
        Rules.requireSame(
                commandId,
                Report.commandResult(NOW, commandId, result).subject(),
                "what became of a command can be told");
    }

    private static void tags(JsonObject content) throws MalformedException {
        Map<String, String> tags =
                JsonMembers.of(content).object("tags").textMembers(WireForms.TAGS_MAX, WireForms.TAG_CHARS_MAX);
        Rules.require(tags.size() <= WireForms.TAGS_MAX, "a group has a bounded number of tags");
    }

    private static void snapshotRequests(JsonObject content) throws MalformedException {
        SnapshotRequestsAnswer answer = SnapshotRequestsAnswer.read(JsonMembers.of(content));
        int given = content.getJsonArray("requests").size();
        String mistake = answer.mistake();
        Rules.require(
                (answer.requests().size() == given) == (mistake == null),
                "each request is read, or told to be malformed");
        if (mistake != null) {
            Rules.requireLine(mistake, SENTENCE_CHARS_MAX);
        }
    }
}
