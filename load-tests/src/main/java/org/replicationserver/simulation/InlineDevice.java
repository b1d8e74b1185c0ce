package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/** A disk as the server of a {@link CrashRun} has it open: each call tells the run when it begins and when it is done. */
final class InlineDevice implements BlockDevice {
    private final SimulatedDisk disk;
    private final CrashRun run;

    InlineDevice(SimulatedDisk disk, CrashRun run) {
        this.disk = disk;
        this.run = run;
    }

    @Override
    public long sizeBytes() {
        return disk.sizeBytes();
    }

    @Override
    public int alignmentBytes() {
        return SECTOR_BYTES;
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        if (run.isOver()) {
            return;
        }
        boolean fails = run.deviceCall(disk, false);
        run.model().aboutToWrite(disk, offsetBytes, source);
        long sectors = source.byteSize() / SECTOR_BYTES;
        long written = fails ? sectors / 2 : sectors;
        if (written > 0) {
            disk.write(source.asSlice(0, written * SECTOR_BYTES), offsetBytes);
        }
        finish(fails, "write", offsetBytes, source.byteSize());
        run.written(disk, offsetBytes, source.byteSize());
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        if (run.isOver()) {
            return;
        }
        boolean fails = run.deviceCall(disk, false);
        run.model().aboutToZero(disk, offsetBytes, lengthBytes);
        if (!fails) {
            disk.zero(offsetBytes, lengthBytes);
        }
        finish(fails, "zero", offsetBytes, lengthBytes);
        run.written(disk, offsetBytes, lengthBytes);
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) {
        throw run.model()
                .found(new Violation(
                        "I14", "the server reads " + disk.volumeId + ", so what it does may differ by what is there"));
    }

    @Override
    public void force() throws DeviceException {
        if (run.isOver()) {
            return;
        }
        boolean fails = run.deviceCall(disk, true);
        if (fails) {
            disk.loseUnsynced();
        } else {
            disk.force();
        }
        finish(fails, "force", 0, 0);
    }

    @Override
    public void forgetCache() {}

    private void finish(boolean fails, String operation, long offsetBytes, long lengthBytes) throws DeviceException {
        run.tell(() -> disk.volumeId + ": " + operation
                + (lengthBytes == 0 ? "" : " " + lengthBytes + " bytes from " + offsetBytes) + (fails ? " fails" : ""));
        run.crashPoint();
        if (fails) {
            throw new DeviceException(operation, disk.volumeId, offsetBytes, lengthBytes, Errno.EIO, "simulated");
        }
    }

    @Override
    public void close() {}
}
