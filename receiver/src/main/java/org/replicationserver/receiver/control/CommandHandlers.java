package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which handler executes which type of command; a type without one is answered NOT_SUPPORTED. Immutable, any thread. */
public final class CommandHandlers {
    private final Map<CommandType, Entry> entries;

    /**
     * A handler and its time.
     *
     * @param deadline after which a command is answered FAILED
     */
    record Entry(CommandHandler handler, Duration deadline) {}

    /** Collects handlers. One thread. */
    public static final class Builder {
        private final Map<CommandType, Entry> entries = new EnumMap<>(CommandType.class);

        private Builder() {}

        /** Sets the handler of a type that has none yet. */
        public Builder on(CommandType type, Duration deadline, CommandHandler handler) {
            if (entries.putIfAbsent(type, new Entry(handler, deadline)) != null) {
                throw new IllegalStateException("has a handler already: " + type);
            }
            return this;
        }

        public CommandHandlers build() {
            return new CommandHandlers(entries);
        }
    }

    private CommandHandlers(Map<CommandType, Entry> entries) {
        this.entries = new EnumMap<>(CommandType.class);
        this.entries.putAll(entries);
    }

    public static Builder builder() {
        return new Builder();
    }

    @Nullable
    Entry of(CommandType type) {
        return entries.get(type);
    }
}
