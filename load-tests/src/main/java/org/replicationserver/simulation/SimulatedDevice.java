package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/** A disk as one process has it open. Each call takes virtual time, may fail, and may be the last thing that the process does. */
final class SimulatedDevice implements BlockDevice {
    private static final long CALL_NANOS = 20_000;
    private static final long STALL_NANOS_MAX = 60_000_000_000L;

    /** What a device needs of its surroundings. */
    interface Surroundings {
        FaultMix faults();

        /** Lets the calling thread wait. */
        void pass(long nanos);

        /** A call that has stalled is about to be done. */
        void stallEnded();

        /** Throws if the process has been killed. */
        void requireAlive();

        /** Whether the disk is attached to another machine by now. */
        boolean isDetached();

        /** Kills the process, and with it the calling thread. */
        void kill();

        void aboutToWrite(SimulatedDisk disk, long offsetBytes, MemorySegment content);

        void aboutToZero(SimulatedDisk disk, long offsetBytes, long lengthBytes);

        /** Of what was to be read nothing is known. */
        void readFailed(SimulatedDisk disk);

        /** Keeps what was found, which the writer that called the device would take for a failure of that. */
        Violation found(Violation violation);

        void tell(String what);
    }

    private final SimulatedDisk disk;
    private final Surroundings surroundings;
    private final Dice dice;
    private boolean open = true;

    SimulatedDevice(SimulatedDisk disk, Surroundings surroundings, Dice dice) {
        this.disk = disk;
        this.surroundings = surroundings;
        this.dice = dice;
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
        begin();
        surroundings.aboutToWrite(disk, offsetBytes, source);
        if (dice.percent(surroundings.faults().writeErrors())) {
            long written = dice.below(source.byteSize() / SECTOR_BYTES + 1) * SECTOR_BYTES;
            if (written > 0) {
                disk.write(source.asSlice(0, written), offsetBytes);
            }
            throw failure("write", offsetBytes, source.byteSize(), dice.percent(50) ? Errno.EIO : Errno.ENOSPC);
        }
        disk.write(source, offsetBytes);
        end();
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        begin();
        surroundings.aboutToZero(disk, offsetBytes, lengthBytes);
        if (dice.percent(surroundings.faults().writeErrors())) {
            throw failure("zero", offsetBytes, lengthBytes, Errno.EIO);
        }
        disk.zero(offsetBytes, lengthBytes);
        end();
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) throws DeviceException {
        begin();
        if (readFails()) {
            throw failure("read", offsetBytes, target.byteSize(), Errno.EIO);
        }
        disk.read(target, offsetBytes);
        end();
    }

    @Override
    public void force() throws DeviceException {
        begin();
        if (dice.percent(surroundings.faults().forceErrors())) {
            disk.failForce();
            throw failure("force", 0, 0, Errno.EIO);
        }
        disk.force();
        end();
    }

    @Override
    public void forgetCache() throws DeviceException {
        begin();
        if (readFails()) {
            throw failure("forget cache", 0, 0, Errno.EIO);
        }
        disk.forgetCache();
        end();
    }

    /** Drawn only where it may be, so that a seed without it tells what it always told. */
    private boolean readFails() {
        double chance = surroundings.faults().readErrors();
        boolean fails = chance > 0 && dice.percent(chance);
        if (fails) {
            surroundings.readFailed(disk);
        }
        return fails;
    }

    private DeviceException failure(String operation, long offsetBytes, long lengthBytes, int errno) {
        DeviceException failure =
                new DeviceException(operation, disk.volumeId, offsetBytes, lengthBytes, errno, "simulated");
        surroundings.tell(disk.volumeId + ": " + failure.summary());
        return failure;
    }

    private void begin() throws DeviceException {
        if (!open) {
            throw surroundings.found(
                    new Violation("I6", "a device of " + disk.volumeId + " is used after it was closed"));
        }
        surroundings.requireAlive();
        boolean stalls = dice.percent(surroundings.faults().stalls());
        surroundings.pass(stalls ? dice.below(STALL_NANOS_MAX) : dice.skewed(CALL_NANOS));
        if (stalls) {
            surroundings.stallEnded();
        }
        killByChance();
        if (surroundings.isDetached()) {
            throw failure("any", 0, 0, Errno.EIO);
        }
    }

    private void end() {
        killByChance();
    }

    private void killByChance() {
        if (dice.percent(surroundings.faults().serverKills())) {
            surroundings.kill();
        }
    }

    @Override
    public void close() {
        open = false;
    }
}
