package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldMemory;
import org.replicationserver.receiver.session.PayloadMemory;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SessionSettings;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.receiver.session.SpeedTestRuntime;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;

/** What an administrator is answered when the program makes a mistake. */
final class AdminSocketTest {
    private static final int TIMEOUT_SECONDS = 20;
    private static final VolumeAssignment VOLUME =
            new VolumeAssignment("vol-1", "/dev/sda", Path.of("vol-1"), 1 << 20, false);

    @TempDir
    private Path directory = Path.of("");

    /** No device is there, and nobody can say whether an image is. */
    private static final class FaultyVolumes implements VolumeHost {
        @Override
        public Availability find(String volumeId) {
            return new Availability.Unavailable("not there");
        }

        @Override
        public CompletionStage<Boolean> isMissingImage(VolumeAssignment assignment) {
            return CompletableFuture.failedStage(new IllegalStateException("a mistake"));
        }

        @Override
        public CompletionStage<Availability> open(
                VolumeAssignment assignment, boolean untouched, boolean make, long heldBytes) {
            return CompletableFuture.completedStage(find(assignment.volumeId()));
        }

        @Override
        public CompletionStage<Availability> reopen(VolumeAssignment assignment, boolean make, long heldBytes) {
            return open(assignment, false, make, heldBytes);
        }

        @Override
        public CompletionStage<Void> close(String volumeId) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class NoRecords implements SourceRecords {
        @Override
        public CompletionStage<SourceRecord> load(String sourceServerId) {
            return CompletableFuture.completedStage(SourceRecord.initial());
        }

        @Override
        public CompletionStage<Void> store(String sourceServerId, SourceRecord record) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class NoMemory implements PayloadMemory {
        @Override
        public void allocate(HeldMemory memory, int payloadBytes) {
            throw new AssertionError("no block comes");
        }

        @Override
        public void release(HeldMemory memory) {
            throw new AssertionError("no block came");
        }
    }

    private static Sessions sessions() {
        return new Sessions(
                SessionSettings.defaults(),
                SessionClock.system(),
                new SessionEvents() {},
                new NoMemory(),
                new FaultyVolumes(),
                new NoRecords(),
                Runnable::run,
                (delayNanos, task) -> () -> {},
                new Random(1),
                new SpeedTestRuntime(Runnable::run, () -> 0));
    }

    private static String post(Path socket, String command) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            String request = "POST " + command + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer answer = ByteBuffer.allocate(4096);
            while (channel.read(answer) >= 0 && answer.hasRemaining()) {}
            return new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void faultInAReopeningIsAnsweredAtOnce() throws Exception {
        Vertx vertx = Vertx.vertx();
        try {
            Path path = directory.resolve("admin.socket");
            Sessions sessions = sessions();
            sessions.assign(
                    new SourceAssignment("s-1", List.of(VOLUME)),
                    BandwidthSchedule.UNLIMITED,
                    DesiredState.STARTED,
                    null);
            AdminSocket socket = new AdminSocket(vertx, path, sessions, JsonObject::new, JsonObject::new);
            socket.listen().await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            String answer = CompletableFuture.supplyAsync(() -> post(path, "/volumes/vol-1/reopen"))
                    .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            assertThat(answer)
                    .startsWith("HTTP/1.1 500 ")
                    .endsWith("{\"error\":\"volume vol-1 was not reopened: a fault of this program, see its log\"}");
        } finally {
            vertx.close().await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        }
    }
}
