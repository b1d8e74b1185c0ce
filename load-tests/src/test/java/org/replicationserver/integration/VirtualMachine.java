package org.replicationserver.integration;

import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * A machine that qemu emulates, instruction by instruction since nothing better is to be relied on: a kernel, a file system in memory, and
 * NVMe disks that come and go. What it writes to its console is read line by line.
 */
final class VirtualMachine implements AutoCloseable {
    private static final Duration QMP_PATIENCE = Duration.ofSeconds(30);

    private final Process process;
    private final Path monitor;

    /** What its console has shown, guarded by itself. */
    private final List<String> lines = new ArrayList<>();

    private VirtualMachine(Process process, Path monitor) {
        this.process = process;
        this.monitor = monitor;
        Thread.ofPlatform().daemon().name("console-of-guest").start(this::readConsole);
    }

    /** A disk image, the serial number that its device shows, and the slot that it is in, from 0. */
    record Disk(String id, Path image, String serial, int slot) {
        private List<String> drive() {
            return List.of("-drive", "if=none,format=raw,cache=none,aio=threads,id=" + id + ",file=" + image);
        }

        private String device() {
            return "nvme,id=device-" + id + ",drive=" + id + ",serial=" + serial + ",bus=slot" + slot;
        }
    }

    /** Starts; devices of {@code later} come by {@link #attach}. */
    static VirtualMachine start(Path work, Path kernel, Path initramfs, List<Disk> disks, List<Disk> later)
            throws IOException {
        Path monitor = work.resolve("qmp");
        List<String> command = new ArrayList<>(List.of(
                "qemu-system-x86_64",
                "-accel",
                "tcg",
                "-machine",
                "q35",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                "1536",
                "-nodefaults",
                "-no-reboot",
                "-display",
                "none",
                "-serial",
                "stdio",
                "-qmp",
                "unix:" + monitor + ",server=on,wait=off",
                "-kernel",
                kernel.toString(),
                "-initrd",
                initramfs.toString(),
                "-append",
                "console=ttyS0 quiet panic=-1"));
        for (int slot = 0; slot < disks.size() + later.size(); slot++) {
            command.addAll(List.of("-device", "pcie-root-port,id=slot%d,chassis=%d".formatted(slot, slot + 1)));
        }
        for (Disk disk : disks) {
            command.addAll(disk.drive());
            command.addAll(List.of("-device", disk.device()));
        }
        later.forEach(disk -> command.addAll(disk.drive()));
        return new VirtualMachine(
                new ProcessBuilder(command).redirectErrorStream(true).start(), monitor);
    }

    private void readConsole() {
        try (BufferedReader console =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = console.readLine(); line != null; line = console.readLine()) {
                synchronized (lines) {
                    lines.add(line);
                }
            }
        } catch (IOException e) {
            // the machine has ended
        }
    }

    /** Everything that the console has shown. */
    String console() {
        synchronized (lines) {
            return String.join("\n", lines);
        }
    }

    /** Waits for a line that begins so, and returns the rest of it. */
    String awaitLine(String beginning, Duration patience) {
        return Awaitility.await("the guest says: " + beginning)
                .atMost(patience)
                .conditionEvaluationListener(condition -> {
                    if (!condition.isSatisfied()
                            && !process.isAlive()
                            && find(beginning).isEmpty()) {
                        throw new AssertionError(
                                "the machine has ended without saying: " + beginning + "\n" + console());
                    }
                })
                .until(() -> find(beginning), found -> !found.isEmpty())
                .getFirst();
    }

    private List<String> find(String beginning) {
        synchronized (lines) {
            return lines.stream()
                    .filter(line -> line.startsWith(beginning))
                    .map(line -> line.substring(beginning.length()).strip())
                    .toList();
        }
    }

    /** Puts a disk into its slot. */
    void attach(Disk disk) throws IOException {
        JsonObject device = new JsonObject();
        for (String option : disk.device().split(",", -1)) {
            int equals = option.indexOf('=');
            device.put(equals < 0 ? "driver" : option.substring(0, equals), option.substring(equals + 1));
        }
        command("device_add", device);
    }

    /** Asks for a disk back; it has gone when the guest has let go of it. */
    void detach(Disk disk) throws IOException {
        command("device_del", new JsonObject().put("id", "device-" + disk.id()));
    }

    private void command(String name, JsonObject arguments) throws IOException {
        Awaitility.await("the monitor of the machine")
                .atMost(QMP_PATIENCE)
                .until(() -> monitor.toFile().exists());
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(monitor));
            BufferedReader answers = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
            String greeting = answers.readLine();
            answer(channel, answers, new JsonObject().put("execute", "qmp_capabilities"));
            JsonObject answer = answer(
                    channel, answers, new JsonObject().put("execute", name).put("arguments", arguments));
            if (!answer.containsKey("return")) {
                throw new IOException(name + " " + arguments + ": " + answer + " of " + greeting);
            }
        }
    }

    /** The answer to a command, without the events before it. */
    private static JsonObject answer(SocketChannel channel, BufferedReader answers, JsonObject command)
            throws IOException {
        channel.write(StandardCharsets.UTF_8.encode(command.encode() + "\n"));
        for (String line = answers.readLine(); line != null; line = answers.readLine()) {
            JsonObject answer = new JsonObject(line);
            if (!answer.containsKey("event")) {
                return answer;
            }
        }
        throw new IOException("the machine has ended");
    }

    /** Waits until it has switched itself off. */
    boolean awaitEnd(Duration patience) throws InterruptedException {
        return process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
