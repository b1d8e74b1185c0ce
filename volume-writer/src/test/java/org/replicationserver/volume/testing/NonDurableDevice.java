package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/**
 * Gives back the bytes as they were before the last {@link #force}, like a machine that lost power.
 *
 * <p>{@link #losePower()} loses all that was not forced. {@link #losePower(RandomGenerator)} decides sector by sector,
 * as disks do: a sector keeps any of the contents it has had since the force, or the head of one and the tail of
 * another.
 */
public final class NonDurableDevice extends ForwardingDevice {
    /** By sector: what it held at the last force, and after each write since then but the newest. */
    private final Map<Long, List<byte[]>> olderContents = new TreeMap<>();

    private boolean losingNextForce;

    public NonDurableDevice(BlockDevice device) {
        super(device);
    }

    /** The next force fails with EIO, and the ones after it succeed without what it should have written. */
    public synchronized void failNextForceAndForget() {
        losingNextForce = true;
    }

    public synchronized int unforcedSectors() {
        return olderContents.size();
    }

    /** The worst case: nothing of what was not forced is there. */
    public synchronized void losePower() throws DeviceException {
        for (Map.Entry<Long, List<byte[]>> sector : olderContents.entrySet()) {
            put(sector.getKey(), sector.getValue().getFirst());
        }
        olderContents.clear();
    }

    /** Any case: each sector that was not forced is kept, lost or torn, on its own. */
    public synchronized void losePower(RandomGenerator random) throws DeviceException {
        for (Map.Entry<Long, List<byte[]>> sector : olderContents.entrySet()) {
            List<byte[]> contents = new ArrayList<>(sector.getValue());
            contents.add(get(sector.getKey()));
            byte[] survivor = contents.get(random.nextInt(contents.size())).clone();
            if (random.nextInt(4) == 0) {
                byte[] other = contents.get(random.nextInt(contents.size()));
                int tornAt = random.nextInt(SECTOR_BYTES);
                System.arraycopy(other, tornAt, survivor, tornAt, SECTOR_BYTES - tornAt);
            }
            put(sector.getKey(), survivor);
        }
        olderContents.clear();
    }

    @Override
    public synchronized void write(MemorySegment source, long offsetBytes) throws DeviceException {
        remember(offsetBytes, source.byteSize());
        super.write(source, offsetBytes);
    }

    @Override
    public synchronized void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        remember(offsetBytes, lengthBytes);
        super.zero(offsetBytes, lengthBytes, mayDeallocate);
    }

    @Override
    public synchronized void force() throws DeviceException {
        if (losingNextForce) {
            losingNextForce = false;
            losePower();
            throw new DeviceException("force", "non-durable", Errno.EIO, "scripted");
        }
        super.force();
        olderContents.clear();
    }

    private void remember(long offsetBytes, long lengthBytes) throws DeviceException {
        for (long at = offsetBytes; at < offsetBytes + lengthBytes; at += SECTOR_BYTES) {
            olderContents.computeIfAbsent(at, sector -> new ArrayList<>()).add(get(at));
        }
    }

    private byte[] get(long offsetBytes) throws DeviceException {
        byte[] content = new byte[SECTOR_BYTES];
        super.read(MemorySegment.ofArray(content), offsetBytes);
        return content;
    }

    private void put(long offsetBytes, byte[] content) throws DeviceException {
        super.write(MemorySegment.ofArray(content), offsetBytes);
    }
}
