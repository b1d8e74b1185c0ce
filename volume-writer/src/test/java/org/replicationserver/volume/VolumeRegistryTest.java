package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;

@Timeout(60)
final class VolumeRegistryTest {
    private static final int SIZE_BYTES = 1 << 20;

    @TempDir
    Path directory;

    private final CollectingListener listener = new CollectingListener();

    private VolumeSpec spec(String id) {
        return new VolumeSpec(
                new VolumeId(id),
                directory.resolve(id + ".img"),
                SIZE_BYTES,
                false,
                null,
                VolumeWriterOptions.REGION_BYTES_DEFAULT,
                DeviceIdentity.ANY,
                OpenOptions.NEVER);
    }

    private VolumeRegistry linuxRegistry() {
        return VolumeRegistry.ofLinuxDevices(listener, System::nanoTime, VolumeWriterOptions.FORCE_BYTES_MAX_DEFAULT);
    }

    private VolumeRegistry registry(VolumeRegistry.DeviceOpener opener) {
        return new VolumeRegistry(opener, listener, System::nanoTime, VolumeWriterOptions.FORCE_BYTES_MAX_DEFAULT);
    }

    private static void join(CompletionStage<?> stage) {
        stage.toCompletableFuture().join();
    }

    @Test
    void openVolumeWritesToItsImage() throws IOException {
        VolumeRegistry registry = linuxRegistry();
        VolumeSpec spec = spec("vol-1");
        LinuxBlockDevice.createImage(spec.path(), SIZE_BYTES);
        VolumeWriter writer = registry.open(spec);
        assertThat(registry.get(spec.id())).containsSame(writer);
        assertThat(registry.all()).containsExactly(writer);
        byte[] content = {1, 2, 3};
        byte[] sector = Arrays.copyOf(content, 512);
        writer.submit(Blocks.stored(this, 512, sector));
        join(registry.closeAll());
        assertThat(listener.events()).containsExactly("DURABLE 512");
        assertThat(Arrays.copyOfRange(Files.readAllBytes(spec.path()), 512, 1024))
                .isEqualTo(sector);
        assertThat(registry.get(spec.id())).isEmpty();
    }

    @Test
    void volumeIsOpenOnce() throws IOException {
        VolumeRegistry registry = registry(spec -> new MemoryDevice(SIZE_BYTES));
        registry.open(spec("vol-1"));
        assertThatThrownBy(() -> registry.open(spec("vol-1")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("vol-1");
        join(registry.closeAll());
    }

    @Test
    void volumeThatCannotBeOpenedIsNotInTheRegistry() {
        VolumeRegistry registry = linuxRegistry();
        assertThatThrownBy(() -> registry.open(spec("missing"))).isInstanceOf(DeviceException.class);
        assertThat(registry.get(new VolumeId("missing"))).isEmpty();
    }

    @Test
    void failedVolumeIsReopenedOnANewDevice() throws IOException {
        List<MemoryDevice> devices = new CopyOnWriteArrayList<>();
        VolumeRegistry registry = registry(spec -> {
            MemoryDevice memory = new MemoryDevice(SIZE_BYTES);
            devices.add(memory);
            return devices.size() == 1 ? new FailingDevice(memory).failForce(1, Errno.EIO) : memory;
        });
        VolumeWriter failed = registry.open(spec("vol-1"));
        failed.submit(Blocks.zero(this, 0, 512));
        VolumeWriter reopened = registry.reopen(new VolumeId("vol-1"), () -> spec("vol-1"))
                .toCompletableFuture()
                .join();
        assertThat(failed.failure()).isNotNull();
        assertThat(devices.getFirst().isClosed()).isTrue();
        assertThat(reopened).isNotSameAs(failed);
        assertThat(reopened.failure()).isNull();
        assertThat(registry.get(new VolumeId("vol-1"))).containsSame(reopened);
        reopened.submit(Blocks.zero(this, 512, 512));
        join(registry.closeAll());
        assertThat(listener.events()).containsExactly("failed force", "DROPPED 0", "DURABLE 512");
    }

    @Test
    void imageIsReopenedOnlyAfterItWasLetGo() throws IOException {
        VolumeRegistry registry = linuxRegistry();
        LinuxBlockDevice.createImage(spec("vol-1").path(), SIZE_BYTES);
        registry.open(spec("vol-1"));
        join(registry.reopen(new VolumeId("vol-1"), () -> spec("vol-1")));
        join(registry.closeAll());
    }

    @Test
    void deviceIsReopenedOnAThreadOfItsOwn() {
        List<String> openedBy = new CopyOnWriteArrayList<>();
        VolumeRegistry registry = registry(spec -> {
            openedBy.add(Thread.currentThread().getName());
            return new MemoryDevice(SIZE_BYTES);
        });
        registry.reopen(new VolumeId("vol-1"), () -> spec("vol-1"))
                .toCompletableFuture()
                .join();
        registry.reopen(new VolumeId("vol-1"), () -> spec("vol-1"))
                .toCompletableFuture()
                .join();
        assertThat(openedBy).containsExactly("volume-opener-vol-1", "volume-opener-vol-1");
        join(registry.closeAll());
    }

    @Test
    void imageWithoutDataIsFreshWhateverIsSaid() throws IOException {
        VolumeRegistry registry = linuxRegistry();
        LinuxBlockDevice.createImage(spec("vol-1").path(), SIZE_BYTES);
        VolumeWriter made = registry.open(spec("vol-1"));
        assertThat(made.isFresh()).isTrue();
        made.submit(Blocks.stored(this, 0, new byte[512]));
        join(registry.closeAll());
        assertThat(registry.open(spec("vol-1")).isFresh()).isFalse();
        join(registry.closeAll());
    }

    @Test
    void reopenTellsWhyItFailed() {
        CompletableFuture<VolumeWriter> reopened = linuxRegistry()
                .reopen(new VolumeId("missing"), () -> spec("missing"))
                .toCompletableFuture();
        assertThatThrownBy(reopened::join).hasMessageContaining("ENOENT");
    }

    @Test
    void closeAllClosesEveryVolumeAndCollectsAllFailures() throws IOException {
        List<MemoryDevice> devices = new CopyOnWriteArrayList<>();
        VolumeRegistry registry = registry(spec -> {
            MemoryDevice memory = new MemoryDevice(SIZE_BYTES);
            devices.add(memory);
            return spec.id().value().startsWith("bad") ? new FailingDevice(memory).failClose(Errno.EIO) : memory;
        });
        for (String id : List.of("bad-1", "good", "bad-2")) {
            registry.open(spec(id)).submit(Blocks.zero(this, 0, 512));
        }
        CompletableFuture<Void> closed = registry.closeAll().toCompletableFuture();
        assertThatThrownBy(closed::join)
                .hasCauseInstanceOf(DeviceException.class)
                .satisfies(e -> assertThat(Objects.requireNonNull(e.getCause()).getSuppressed())
                        .hasSize(1));
        assertThat(devices).hasSize(3).allMatch(MemoryDevice::isClosed);
        assertThat(listener.reported()).hasSize(3).allMatch(w -> w.outcome() == Outcome.DURABLE);
        assertThat(registry.all()).isEmpty();
    }

    @Test
    void volumeIdIsSafeInNamesOfThreadsAndFiles() {
        assertThatThrownBy(() -> new VolumeId("a/b")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new VolumeId("")).isInstanceOf(IllegalArgumentException.class);
        assertThat(new VolumeId("vol-0a1b")).hasToString("vol-0a1b");
    }
}
