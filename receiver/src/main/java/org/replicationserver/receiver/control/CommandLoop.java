package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.replicationserver.volume.StateDirectory;

/**
 * Asks for commands, one long poll after the other, on the virtual thread {@code control-commands}, and has them executed.
 *
 * <p>Each command that comes is answered, also one that is unknown or malformed; in effect it is executed once, however often it comes.
 *
 * <p>Commands about the same source server are executed in the order in which they come. A poll that waits is answered with new commands
 * before those that an earlier answer carried, so where such an answer may be lost (before the first answer to this process, and after
 * a failed poll) the next poll does not wait: it is answered with all that have no result, oldest first.
 */
public final class CommandLoop extends ControlThread {
    /** A poll that brought nothing new and took less than this is followed by a pause. */
    private static final Duration POLL_MIN = Duration.ofSeconds(1);

    private final ControlPlane controlPlane;
    private final int waitSeconds;
    private final CommandDispatcher dispatcher;

    // control-commands only
    private boolean mayHaveMissed = true;

    /**
     * Reads the journal.
     *
     * @param waitSeconds for which the control plane is asked to wait for a command, {@code control.poll-wait-seconds}
     * @param state where the journal of commands is kept
     */
    public CommandLoop(
            ControlPlane controlPlane,
            int waitSeconds,
            CommandHandlers handlers,
            StateDirectory state,
            Outbox outbox,
            Clock clock) {
        super("control-commands", controlPlane);
        this.controlPlane = controlPlane;
        this.waitSeconds = waitSeconds;
        this.dispatcher = new CommandDispatcher(handlers, CommandJournal.load(state), outbox, clock);
    }

    @Override
    void step() throws ControlPlaneException, InterruptedException {
        dispatcher.awaitRoom();
        long begun = System.nanoTime();
        boolean asksForAll = mayHaveMissed;
        mayHaveMissed = true;
        List<PolledCommand> commands = controlPlane.getCommands(asksForAll ? 0 : waitSeconds, WireForms.COMMANDS_MAX);
        // A full answer may have left out some that an earlier one carried.
        mayHaveMissed = asksForAll && commands.size() >= WireForms.COMMANDS_MAX;
        boolean someNew = false;
        for (PolledCommand command : commands) {
            someNew |= dispatcher.accept(command);
        }
        // A control plane repeats commands until it has their results; without a pause that would be as fast as it can.
        boolean waitsNext = asksForAll && !mayHaveMissed;
        if (!someNew && !waitsNext && System.nanoTime() - begun < POLL_MIN.toNanos()) {
            long millis = POLL_MIN.toMillis();
            Thread.sleep(millis + ThreadLocalRandom.current().nextLong(millis));
        }
    }

    @Override
    public void close() {
        super.close();
        dispatcher.close();
    }
}
