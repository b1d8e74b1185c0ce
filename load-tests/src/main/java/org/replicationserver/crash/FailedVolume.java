package org.replicationserver.crash;

import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.Children;

/** What must be the same whatever a volume has failed by: it is told, the others go on, and a reopened volume is synced anew. */
final class FailedVolume {
    private static final Pattern VOLUME = Pattern.compile("\"name\":\"VOLUME_FAILED\",\"volume\":(\\d+)");

    private FailedVolume() {}

    /**
     * Why a session could not go on must be that this volume failed.
     *
     * @param errnos one of which is to be told; empty if there is none to tell
     */
    static void requireTold(IOException told, int volume, List<String> errnos) {
        String text = String.valueOf(told.getMessage());
        Matcher matcher = VOLUME.matcher(text);
        boolean isIt = matcher.find() && Integer.parseInt(matcher.group(1)) == volume;
        if (!isIt || (!errnos.isEmpty() && errnos.stream().noneMatch(text::contains))) {
            throw new AssertionError(
                    "failure of volume " + volume + " by one of " + errnos + " expected, came: " + text, told);
        }
    }

    /** All that was sent for other volumes becomes durable. */
    static void requireOthersGoOn(RawAgent agent, int failed) throws IOException, InterruptedException {
        for (int volume = 0; volume < agent.welcome().volumes().size(); volume++) {
            for (RawStream stream : agent.streams()) {
                if (volume != failed) {
                    stream.awaitVolumeDurable(volume);
                }
            }
        }
    }

    static void reopen(
            Workshop workshop, ServerProcess.Plan plan, TestSource source, int volume, Replication replication)
            throws IOException, InterruptedException {
        String id = source.volume(volume).volumeId();
        Children.Result reopened = workshop.result(plan.cli("volume", "reopen", id));
        if (!reopened.ok()) {
            throw new AssertionError("the volume was not reopened: " + reopened.output());
        }
        replication.reopened(volume);
    }
}
