package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryNeedTest {
    private static final long TIB = 1L << 40;
    private static final long GIB = 1L << 30;

    /** The number that the help tells. */
    @Test
    void tebibyteNeeds270Mebibytes() {
        assertThat((MemoryNeed.bytes(List.of(TIB)) - MemoryNeed.BASE_BYTES) >> 20)
                .isEqualTo(268);
    }

    @Test
    void disksOfAllSizesAddUp() {
        assertThat(MemoryNeed.bytes(List.of(60 * TIB, 4 * TIB)))
                .isGreaterThan(16 * GIB)
                .isLessThan(17 * GIB);
    }

    @Test
    void tooSmallAHeapIsRefusedWithWhatIsNeededAndHowItIsGiven() {
        assertThatCode(() -> MemoryNeed.check(List.of(TIB), GIB)).doesNotThrowAnyException();
        assertThatThrownBy(() -> MemoryNeed.check(List.of(60 * TIB), 6 * GIB))
                .isInstanceOf(AgentStartException.class)
                .hasMessage(
                        "the disks need 15.8 GiB of memory, the heap may have 6.0 GiB; start with JAVA_OPTS=-Xmx17841m,"
                                + " or leave a disk out");
    }
}
