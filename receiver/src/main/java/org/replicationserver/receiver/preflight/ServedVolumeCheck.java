package org.replicationserver.receiver.preflight;

import org.jspecify.annotations.Nullable;

/** A volume of a server that runs: what that says of it. Nothing is opened here. */
final class ServedVolumeCheck implements PreflightCheck {
    private final String volumeId;
    private final @Nullable String trouble;

    /** @param trouble why the server does not have it open; null if it has */
    ServedVolumeCheck(String volumeId, @Nullable String trouble) {
        this.volumeId = volumeId;
        this.trouble = trouble;
    }

    @Override
    public String name() {
        return VolumeCheck.nameOf(volumeId);
    }

    @Override
    public Finding look() {
        return trouble == null
                ? Finding.ok("the running server has it open")
                : Finding.fail(
                        "the running server cannot use it: " + trouble,
                        "Attach or repair the device. What was not there is opened by itself, what has failed by ./run volume reopen "
                                + volumeId + ".");
    }
}
