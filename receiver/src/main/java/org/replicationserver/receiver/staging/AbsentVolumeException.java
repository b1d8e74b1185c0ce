package org.replicationserver.receiver.staging;

import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/** A volume's device has not appeared, and may do so at any time. */
public final class AbsentVolumeException extends DeviceException {
    private static final long serialVersionUID = 1L;

    AbsentVolumeException(String volumeId, String reason) {
        super("find", volumeId, Errno.NONE, reason);
    }

    /** Why it is not there, in words. */
    @Override
    public String summary() {
        return detail();
    }
}
