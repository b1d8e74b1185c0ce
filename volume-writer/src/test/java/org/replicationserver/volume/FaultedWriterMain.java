package org.replicationserver.volume;

import java.nio.file.Path;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;

/** Two rounds of one block each on the image it is given; prints what was reported. {@link RealFaultsTest} runs it. */
final class FaultedWriterMain {
    private FaultedWriterMain() {}

    public static void main(String[] arguments) throws DeviceException {
        CollectingListener listener = new CollectingListener();
        VolumeWriter writer = VolumeWriter.withoutThread(
                new VolumeId("faulted"),
                LinuxBlockDevice.open(Path.of(arguments[0]), OpenOptions.ofSize(1 << 20)),
                1 << 20,
                VolumeWriterOptions.defaults(),
                listener,
                System::nanoTime);
        for (int i = 0; i < 2; i++) {
            writer.submit(Blocks.stored(listener, i * 4096L, new byte[4096]));
            writer.runBatch();
        }
        listener.events().forEach(System.out::println);
    }
}
