package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.AdminRequests;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.ForwardingDevice;

/**
 * A server whose first volume stalls and fails, and whose control plane pauses replication and changes the assignment, as an operator's
 * commands say. Any thread.
 */
final class OperatedServer implements AutoCloseable {
    private static final String INSTANCE = "i-0123456789abcdef0";

    /** What happens to the volume, whichever device it has. */
    private static final class Mishap {
        private boolean stalled;
        private boolean failing;

        synchronized void set(boolean isStalled, boolean isFailing) {
            stalled = isStalled;
            failing = isFailing;
            notifyAll();
        }

        synchronized void strike() throws DeviceException {
            while (stalled) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    throw new AssertionError("a test interrupted a device", e);
                }
            }
            if (failing) {
                throw new DeviceException("write", "failing", Errno.EIO, "scripted");
            }
        }
    }

    private static final class OperatedDevice extends ForwardingDevice {
        private final Mishap mishap;

        OperatedDevice(BlockDevice device, Mishap mishap) {
            super(device);
            this.mishap = mishap;
        }

        @Override
        public void write(MemorySegment source, long offsetBytes) throws DeviceException {
            mishap.strike();
            super.write(source, offsetBytes);
        }
    }

    private final TestSource source;
    private final Mishap mishap = new Mishap();
    private final ControlPlaneWorld world;
    private final InProcessServer server;
    private final AdminRequests admin;
    private final OperatorDesk desk;
    private int assignments;

    private OperatedServer(Path directory, TestSource source, String... settings) throws Exception {
        this.source = source;
        TestDevices devices = TestDevices.inMemory()
                .behind(source.volume(0).volumeId(), device -> new OperatedDevice(device, mishap));
        world = new ControlPlaneWorld(directory);
        server = world.serverHere(INSTANCE, ReplicationSettings.defaults(), devices, settings);
        admin = new AdminRequests(directory);
        desk = new OperatorDesk()
                .on("stall", () -> mishap.set(true, false))
                .on("unstall", () -> mishap.set(false, false))
                .on("fail-volume", () -> mishap.set(false, true))
                .on("reopen-volume", this::reopen)
                .on("pause", () -> command("PAUSE_REPLICATION"))
                .on("resume", () -> command("RESUME_REPLICATION"))
                .on("assign", () -> assign(source, "vol-anew-" + ++assignments));
    }

    /** Of two source servers with a volume each; the first is operated on. */
    static OperatedServer start(Path directory, TestSource source, TestSource bystander, String... settings)
            throws Exception {
        OperatedServer operated = new OperatedServer(directory, source, settings);
        Awaitility.await("the server's first call")
                .atMost(ControlPlaneWorld.PATIENCE)
                .until(() -> operated.fleet().replicationServers().stream().anyMatch(known -> known.self() != null));
        operated.assign(source, source.volume(0).volumeId());
        operated.assign(bystander, bystander.volume(0).volumeId());
        return operated;
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private void assign(TestSource to, String volumeId) {
        String disk = to.volume(0).deviceName();
        fleet().registerAgent(
                        to.sourceServerId(),
                        to.key().pin(),
                        List.of(new SourceDisk(disk, to.volume(0).sizeBytes())));
        await(fleet().assign(to.sourceServerId(), INSTANCE, List.of(new VolumeTarget(disk, volumeId, null, true))));
    }

    private void command(String type) {
        await(fleet().issue(INSTANCE, type, source.sourceServerId()));
    }

    private void await(String commandId) {
        Awaitility.await(commandId)
                .atMost(ControlPlaneWorld.PATIENCE)
                .until(() -> fleet().command(commandId).status(), Predicate.not(String::isEmpty));
        assertThat(fleet().command(commandId).status()).isEqualTo("SUCCEEDED");
    }

    private void reopen() throws Exception {
        mishap.set(false, false);
        AdminRequests.Reply reply = admin.post("/volumes/" + source.volume(0).volumeId() + "/reopen")
                .get();
        assertThat(reply.isDone()).as(reply.toString()).isTrue();
    }

    Endpoint endpoint() {
        return server.endpoint();
    }

    /** The options with which the runner operates on it. */
    List<String> operatorOptions() {
        return desk.options();
    }

    @Override
    public void close() {
        mishap.set(false, false);
        desk.close();
        admin.close();
        server.close();
        world.close();
    }
}
