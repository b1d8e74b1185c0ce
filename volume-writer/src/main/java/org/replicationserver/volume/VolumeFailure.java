package org.replicationserver.volume;

/**
 * Why a volume is failed for good.
 *
 * @param operation what the device was asked to do, or {@link #INTERNAL}
 * @param summary what failed and why, without the path
 * @param message all that is known, for the log
 * @param errno the kernel's error number, or {@link Errno#NONE} where there is none
 */
public record VolumeFailure(
        VolumeId volumeId,
        String operation,
        long offsetBytes,
        long lengthBytes,
        int errno,
        String summary,
        String message) {
    /** The operation of a failure that is a fault of this program, not of the device. */
    public static final String INTERNAL = "internal";

    static VolumeFailure of(VolumeId volumeId, Throwable cause) {
        if (cause instanceof DeviceException e) {
            String message = "volume=" + volumeId + " " + e.getMessage();
            return new VolumeFailure(
                    volumeId, e.operation(), e.offsetBytes(), e.lengthBytes(), e.errno(), e.summary(), message);
        }
        return new VolumeFailure(
                volumeId, INTERNAL, 0, 0, Errno.NONE, "internal error", "volume=" + volumeId + " " + cause);
    }
}
