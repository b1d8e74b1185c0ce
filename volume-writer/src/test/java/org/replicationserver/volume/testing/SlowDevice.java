package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;

/**
 * Holds writes, zeros or forces until the test releases them. The test waits for an operation to have come to the
 * gate, so nothing here depends on time.
 */
public final class SlowDevice extends ForwardingDevice {
    /** Stops whoever comes while it is shut. */
    private static final class Gate {
        private boolean shut;
        private int waiting;

        synchronized void shut() {
            shut = true;
        }

        synchronized void open() {
            shut = false;
            notifyAll();
        }

        synchronized void pass() {
            waiting++;
            notifyAll();
            while (shut) {
                awaitChange();
            }
            waiting--;
        }

        synchronized void awaitSomeoneWaiting() {
            while (waiting == 0 || !shut) {
                awaitChange();
            }
        }

        @SuppressWarnings("WaitNotInLoop") // the callers loop
        private void awaitChange() {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new AssertionError("a test interrupted a device", e);
            }
        }
    }

    private final Gate writes = new Gate();
    private final Gate forces = new Gate();

    public SlowDevice(BlockDevice device) {
        super(device);
    }

    /** Holds the writes and zeros that begin from now on. */
    public void holdWrites() {
        writes.shut();
    }

    public void releaseWrites() {
        writes.open();
    }

    /** Waits until a write or zero is held. */
    public void awaitHeldWrite() {
        writes.awaitSomeoneWaiting();
    }

    /** Holds the forces that begin from now on. */
    public void holdForces() {
        forces.shut();
    }

    public void releaseForces() {
        forces.open();
    }

    /** Waits until a force is held. */
    public void awaitHeldForce() {
        forces.awaitSomeoneWaiting();
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        writes.pass();
        super.write(source, offsetBytes);
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        writes.pass();
        super.zero(offsetBytes, lengthBytes, mayDeallocate);
    }

    @Override
    public void force() throws DeviceException {
        forces.pass();
        super.force();
    }
}
