package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which commands have had their effect, with their results: one of these is not executed again, its result is sent again. Kept in the
 * state directory as the record {@value #RECORD}. Any thread.
 *
 * <p>Bounded: the newest {@value #COMMANDS_MAX}, and as many of them as fit a record. A control plane repeats what it has no result of,
 * and that is not old.
 */
final class CommandJournal {
    static final String RECORD = "commands";
    static final int COMMANDS_MAX = 1024;

    /** Less than a record may have; counted without the array around the commands. */
    static final int BYTES_MAX = StateDirectory.RECORD_BYTES_MAX - 64 * 1024;

    private static final Logger LOG = LoggerFactory.getLogger(CommandJournal.class);
    private static final String COMMANDS = "commands";
    private static final int MESSAGE_CHARS_MAX = 1024;

    private final StateDirectory directory;

    /** Oldest first; each with its text in the record. Under its own lock. */
    private final Map<String, Known> known = new LinkedHashMap<>();

    // under the lock of known
    private long bytes;

    private record Known(CommandResult result, String text) {}

    private CommandJournal(StateDirectory directory) {
        this.directory = directory;
    }

    /** Reads what is kept. A record that cannot be read is told, and what is not read from it is executed once more. */
    static CommandJournal load(StateDirectory directory) {
        CommandJournal journal = new CommandJournal(directory);
        try {
            byte[] record = directory.load(RECORD).orElse(null);
            if (record != null) {
                journal.read(JsonMembers.of(new JsonObject(Buffer.buffer(record))));
            }
        } catch (IOException | DecodeException | ClassCastException | IllegalArgumentException | MalformedException e) {
            LOG.atError()
                    .addKeyValue("cause", e.getMessage())
                    .log("journal of commands cannot be read, what is repeated is executed again");
        }
        return journal;
    }

    private void read(JsonMembers json) throws MalformedException {
        json.objects(COMMANDS, 0, COMMANDS_MAX, command -> {
            CommandResult result = new CommandResult(
                    command.constant("status", CommandResult.Status.class),
                    command.text("message", 0, MESSAGE_CHARS_MAX),
                    command.has("output") ? command.object("output").toJson() : null);
            put(command.text("commandId", WireForms.COMMAND_ID.pattern(), WireForms.COMMAND_ID.allowed()), result);
            return result;
        });
    }

    /** The result of a command that has had its effect, or null. */
    @Nullable
    CommandResult resultOf(String commandId) {
        synchronized (known) {
            Known command = known.get(commandId);
            return command == null ? null : command.result();
        }
    }

    /** Remembers a result. The stage is done when it survives a power loss; it fails when the disk does. */
    CompletionStage<Void> add(String commandId, CommandResult result) {
        byte[] record;
        synchronized (known) {
            put(commandId, result);
            StringBuilder text = new StringBuilder("{\"" + COMMANDS + "\":[");
            known.values().forEach(command -> text.append(command.text()).append(','));
            text.setLength(text.length() - 1);
            record = text.append("]}").toString().getBytes(StandardCharsets.UTF_8);
            try {
                // Under the lock, so that an older content is never stored after a newer one.
                return directory.store(RECORD, record);
            } catch (RejectedExecutionException e) {
                return CompletableFuture.failedStage(e);
            }
        }
    }

    private void put(String commandId, CommandResult result) {
        JsonObject json = new JsonObject()
                .put("commandId", commandId)
                .put("status", result.status().name())
                .put("message", result.message());
        if (result.output() != null) {
            json.put("output", result.output());
        }
        String text = json.encode();
        Known former = known.put(commandId, new Known(result, text));
        bytes += bytesOf(text) - (former == null ? 0 : bytesOf(former.text()));
        Iterator<Known> oldest = known.values().iterator();
        while (known.size() > COMMANDS_MAX || bytes > BYTES_MAX) {
            bytes -= bytesOf(oldest.next().text());
            oldest.remove();
        }
    }

    /** With the comma behind it. */
    private static long bytesOf(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length + 1L;
    }
}
