package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.CommandParameters.Pairing;
import org.replicationserver.receiver.log.PeerText;

/** A command as it was delivered: each is read by itself, so that one that is malformed does not take the others with it. */
public sealed interface PolledCommand {
    /** A command that can be executed, as far as its form says. */
    record Sound(ChannelCommand command) implements PolledCommand {}

    /** One that is unknown or malformed, which is its answer. */
    record Invalid(String commandId, String mistake) implements PolledCommand {}

    /** One that cannot even be answered, since it has no id. */
    record Nameless(String mistake) implements PolledCommand {}

    /**
     * Reads the answer to a poll.
     *
     * @throws MalformedException if there is no list of them at all
     */
    static List<PolledCommand> readAll(JsonObject answer) throws MalformedException {
        JsonArray elements = JsonMembers.of(answer).array("commands", 0, Integer.MAX_VALUE);
        List<PolledCommand> commands = new ArrayList<>();
        // What is beyond the bound comes again.
        for (int i = 0; i < Math.min(elements.size(), WireForms.COMMANDS_MAX); i++) {
            commands.add(read(i, elements.getValue(i)));
        }
        return commands;
    }

    private static PolledCommand read(int place, @Nullable Object element) {
        String id = null;
        try {
            if (!(element instanceof JsonObject object)) {
                throw new MalformedException("no object");
            }
            JsonMembers json = JsonMembers.of(object);
            id = json.text("commandId", WireForms.COMMAND_ID.pattern(), WireForms.COMMAND_ID.allowed());
            return new Sound(readSound(id, json));
        } catch (MalformedException e) {
            return id == null
                    ? new Nameless("commands[" + place + "]: " + e.getMessage())
                    : new Invalid(id, String.valueOf(e.getMessage()));
        }
    }

    private static ChannelCommand readSound(String id, JsonMembers json) throws MalformedException {
        String name = json.text("type", 1, 256);
        CommandType type = CommandType.of(name);
        if (type == null) {
            throw new MalformedException(
                    "unknown command type " + PeerText.value(name) + "; known are " + CommandType.names());
        }
        String sourceServerId = readSourceServerId(json, type);
        CommandParameters parameters = CommandParameters.read(type, json.objectOrEmpty("parameters"));
        if (parameters instanceof Pairing pairing
                && !pairing.association().sourceServerId().equals(sourceServerId)) {
            throw json.refused("sourceServerId", "the same as in the association");
        }
        return new ChannelCommand(
                id,
                type,
                sourceServerId,
                parameters,
                json.has("expiresDateTime") ? json.instant("expiresDateTime") : null);
    }

    private static @Nullable String readSourceServerId(JsonMembers json, CommandType type) throws MalformedException {
        boolean given = json.has(Association.SOURCE_SERVER_ID);
        if (given && type.about() == CommandType.About.WHOLE_SERVER) {
            throw json.refused(Association.SOURCE_SERVER_ID, "none, " + type + " is about the whole server");
        }
        return given || type.about() == CommandType.About.SOURCE_SERVER
                ? WireForms.sourceServerId(json, Association.SOURCE_SERVER_ID)
                : null;
    }
}
