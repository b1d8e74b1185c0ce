package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The commands to one replication server. Used under the fleet's lock. */
final class CommandQueue {
    private static final int OPEN_MAX = 1024;
    private static final int FINISHED_MAX = 4096;

    /**
     * A command on its way.
     *
     * @param checked whether it is as the document says
     */
    record Delivery(JsonObject command, boolean checked) {}

    /** A poll; its answer is called under the fleet's lock, by any thread, and must hand over only. */
    static final class Poll {
        private final String replicationServerId;
        private final int commandsMax;
        private final Consumer<List<Delivery>> answer;

        private Poll(String replicationServerId, int commandsMax, Consumer<List<Delivery>> answer) {
            this.replicationServerId = replicationServerId;
            this.commandsMax = commandsMax;
            this.answer = answer;
        }

        String replicationServerId() {
            return replicationServerId;
        }
    }

    private static final class Entry {
        private final JsonObject command;
        private final boolean checked;
        private int deliveries;
        private @Nullable JsonObject result;

        Entry(JsonObject command, boolean checked) {
            this.command = command;
            this.checked = checked;
        }
    }

    private final String replicationServerId;
    private final Map<String, Entry> open = new LinkedHashMap<>();
    private final SequencedMap<String, Entry> finished = new LinkedHashMap<>();
    private @Nullable Poll waiting;

    CommandQueue(String replicationServerId) {
        this.replicationServerId = replicationServerId;
    }

    /**
     * Refuses a command that {@link #add} would refuse: to be called before anything is changed that the command tells of.
     *
     * @param commands so many are to be added
     */
    void requireRoom(int commands) {
        if (open.size() + commands > OPEN_MAX) {
            throw new IllegalStateException(
                    replicationServerId + ": " + open.size() + " commands have no result; allowed: " + OPEN_MAX);
        }
    }

    boolean knows(String commandId) {
        return open.containsKey(commandId) || finished.containsKey(commandId);
    }

    /** Refuses an id that another command had. */
    void requireNew(String commandId) {
        if (knows(commandId)) {
            throw new IllegalArgumentException("commandId: " + commandId + " is taken; allowed: a new one");
        }
    }

    void add(String commandId, JsonObject command, boolean checked) {
        requireRoom(1);
        requireNew(commandId);
        open.put(commandId, new Entry(command, checked));
        Poll poll = waiting;
        if (poll != null) {
            waiting = null;
            poll.answer.accept(takeNew(poll.commandsMax));
        }
    }

    /** Answers at once if there are commands that no answer has carried yet, or if it shall not wait. */
    Poll poll(boolean wait, int commandsMax, Consumer<List<Delivery>> answer) {
        Poll earlier = waiting;
        if (earlier != null) {
            waiting = null;
            earlier.answer.accept(List.of());
        }
        Poll poll = new Poll(replicationServerId, commandsMax, answer);
        List<Delivery> fresh = wait ? takeNew(commandsMax) : takeAll(commandsMax);
        if (wait && fresh.isEmpty()) {
            waiting = poll;
        } else {
            answer.accept(fresh);
        }
        return poll;
    }

    /** The time of a poll is over: it is answered with all that has no result. */
    void end(Poll poll) {
        if (poll.equals(waiting)) {
            waiting = null;
            poll.answer.accept(takeAll(poll.commandsMax));
        }
    }

    /** Nobody is there any more to answer to. */
    void cancel(Poll poll) {
        if (poll.equals(waiting)) {
            waiting = null;
        }
    }

    private List<Delivery> takeNew(int commandsMax) {
        return take(commandsMax, entry -> entry.deliveries == 0);
    }

    private List<Delivery> takeAll(int commandsMax) {
        return take(commandsMax, entry -> true);
    }

    private List<Delivery> take(int commandsMax, Predicate<Entry> wanted) {
        List<Entry> taken =
                open.values().stream().filter(wanted).limit(commandsMax).toList();
        List<Delivery> commands = new ArrayList<>();
        for (Entry entry : taken) {
            entry.deliveries++;
            commands.add(new Delivery(entry.command.copy(), entry.checked));
        }
        return commands;
    }

    /** Takes a result; the first one counts. The command, null if there is none of that id. */
    @Nullable
    JsonObject finish(String commandId, JsonObject result) {
        Entry entry = open.remove(commandId);
        if (entry != null) {
            entry.result = result;
            finished.put(commandId, entry);
            Bounds.removeOldest(finished, FINISHED_MAX);
            return entry.command;
        }
        Entry before = finished.get(commandId);
        return before == null ? null : before.command;
    }

    boolean isOpen(String commandId) {
        return open.containsKey(commandId);
    }

    /** Null if there is none of that id, or it was finished long ago. */
    @Nullable
    CommandView view(String commandId) {
        Entry entry = open.getOrDefault(commandId, finished.get(commandId));
        return entry == null ? null : view(commandId, entry);
    }

    /** Those that have no result, then those that have one. */
    List<CommandView> views() {
        List<CommandView> views = new ArrayList<>();
        open.forEach((id, entry) -> views.add(view(id, entry)));
        finished.forEach((id, entry) -> views.add(view(id, entry)));
        return views;
    }

    private CommandView view(String commandId, Entry entry) {
        JsonObject result = entry.result;
        return new CommandView(
                commandId,
                replicationServerId,
                entry.command.copy(),
                entry.deliveries,
                result == null ? null : result.copy());
    }
}
