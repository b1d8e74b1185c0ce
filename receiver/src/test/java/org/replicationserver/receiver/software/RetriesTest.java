package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/** What a fetch is told to have met when it has failed too often. */
class RetriesTest {
    private static Kind kindOf(IOException failure) throws SoftwareException {
        return Retries.unreachable(ObjectName.of("bucket", "key"), new MirrorObjects(Path.of("mirror")), failure)
                .kind();
    }

    @Test
    void answerIsToldFromABrokenConnectionByWhatItIsAndNotByItsWords() throws SoftwareException {
        assertThat(kindOf(new ServerFaultException("503 SlowDown"))).isEqualTo(Kind.SERVER_FAULT);
        assertThat(kindOf(new IOException("nobody answered in time"))).isEqualTo(Kind.UNREACHABLE);
    }
}
