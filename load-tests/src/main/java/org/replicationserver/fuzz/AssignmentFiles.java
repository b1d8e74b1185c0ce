package org.replicationserver.fuzz;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.AssignmentsFile;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.staging.VolumeDiscovery;

/**
 * The assignments file; an odd first byte says that volumes without a path are found by their serial number.
 *
 * <p>Rules: it is refused with lines for people, or what was read is the same when it is written and read again.
 */
final class AssignmentFiles implements FuzzTarget {
    /** Nothing is looked for there. */
    private static final Path IMAGES = Path.of("/srv/volumes");

    private final ScratchFile file;
    private final ScratchFile written;

    AssignmentFiles(Path directory) {
        written = new ScratchFile(directory, "again.yaml");
        file = new ScratchFile(directory, "assignments.yaml");
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        VolumePaths paths = new VolumePaths(IMAGES, input[0] % 2 == 0 ? VolumeDiscovery.IMAGE : VolumeDiscovery.NVME);
        byte[] text = new byte[input.length - 1];
        System.arraycopy(input, 1, text, 0, text.length);
        List<AssignedSource> read;
        try {
            read = AssignmentsFile.read(file.with(text), paths);
        } catch (ConfigException e) {
            ConfigurationFiles.requireLines(e);
            return;
        }
        Path again = written.with(new byte[0]);
        AssignmentsFile.write(again, paths, read);
        try {
            Rules.requireSame(
                    read, AssignmentsFile.read(again, paths), "assignments are the same when they are read again");
        } catch (ConfigException e) {
            throw new AssertionError("what was written cannot be read: " + e.lines(), e);
        }
    }
}
