package org.replicationserver.demo;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.RunException;

/** One run of the demo: a disk, a story of its replication, the proof. One thread; the agent has its own. */
final class Demo implements AutoCloseable {
    private final PrintWriter out;
    private final Transcript transcript;
    private final int streams;
    private final Story story;
    private final Cleanup cleanup = new Cleanup();
    private final long startedNanos = System.nanoTime();

    Demo(PrintWriter out, int streams, Story story) {
        this.out = out;
        this.transcript = new Transcript(out);
        this.streams = streams;
        this.story = story;
    }

    /**
     * Returns whether the replica is identical.
     *
     * @throws InterruptedException if the process was told to stop
     */
    boolean run(@Nullable Path source, long imageBytes) throws RunException, InterruptedException {
        try {
            return replicateAndProve(source, imageBytes);
        } catch (RunException e) {
            if (cleanup.isStopping()) {
                throw new InterruptedException("told to stop");
            }
            throw e;
        }
    }

    private boolean replicateAndProve(@Nullable Path source, long imageBytes)
            throws RunException, InterruptedException {
        Path work = cleanup.directory(Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
        DemoDisk disk = DemoDisk.of(source, imageBytes, work, out);
        long diskBytes = disk.sizeBytes();
        transcript.say("source: " + Mebibytes.text(diskBytes) + ", " + disk.description());
        Scene scene = new Scene(work, disk, diskBytes, streams, cleanup, transcript);
        return prove(scene, story.play(scene));
    }

    private boolean prove(Scene scene, Story.End end) throws RunException, InterruptedException {
        DemoDisk disk = scene.disk();
        AgentReport report = end.report();
        Comparison comparison = Comparison.of(disk.path(), scene.replica(), scene.diskBytes());
        boolean identical = comparison.identical();
        transcript.say("");
        transcript.row("disk", Mebibytes.text(scene.diskBytes()));
        transcript.row("sent, expanded", Mebibytes.text(report.rawBytesSent()));
        transcript.row("sent, on the wire", Mebibytes.text(report.wireBytesSent()));
        transcript.row("sent again after the kill", Mebibytes.text(report.bytesResent()));
        transcript.row("commits", Long.toString(report.commits()));
        transcript.row("sessions", Long.toString(report.sessions()));
        transcript.row("time of replication", seconds(end.seconds()));
        transcript.row("CPU of the server", seconds(end.serverCpuSeconds()) + ", starts included");
        transcript.row("file system of the replica", identical ? disk.check(scene.replica()) : "not checked");
        Account account = end.account();
        if (account != null) {
            account.print(transcript);
        }
        transcript.row("time in all", seconds((System.nanoTime() - startedNanos) / 1e9));
        transcript.say("");
        if (account != null && identical) {
            account.requireRegular();
        }
        transcript.say(comparison.text());
        return identical;
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.1f s", seconds);
    }

    @Override
    public void close() {
        cleanup.close();
    }
}
