package org.replicationserver.volume;

/**
 * Why a volume is failed for good.
 *
 * @param operation what the device was asked to do, or {@link #INTERNAL}
 * @param path of the device or image file, or empty where the failure is not the device's
 * @param errno the kernel's error number, or {@link Errno#NONE} where there is none
 * @param detail what is known beside the error number; may be empty
 * @param summary what failed and why, without the path
 */
public record VolumeFailure(
        VolumeId volumeId,
        String operation,
        String path,
        long offsetBytes,
        long lengthBytes,
        int errno,
        String detail,
        String summary) {
    /** The operation of a failure that is a fault of this program, not of the device. */
    public static final String INTERNAL = "internal";

    static VolumeFailure of(VolumeId volumeId, Throwable cause) {
        if (cause instanceof DeviceException e) {
            return new VolumeFailure(
                    volumeId,
                    e.operation(),
                    e.path(),
                    e.offsetBytes(),
                    e.lengthBytes(),
                    e.errno(),
                    e.detail(),
                    e.summary());
        }
        return new VolumeFailure(volumeId, INTERNAL, "", 0, 0, Errno.NONE, cause.toString(), "internal error");
    }

    /** The kernel's name of the error, or empty where there is none. */
    public String errnoName() {
        return errno == Errno.NONE ? "" : Errno.nameOf(errno);
    }
}
