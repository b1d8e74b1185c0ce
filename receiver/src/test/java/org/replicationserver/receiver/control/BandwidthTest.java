package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BandwidthTest {
    private static final String OFFICE = """
            {"bandwidthThrottling": 0, "timeZone": "Europe/Berlin", "schedule": [
              {"days": ["MONDAY", "FRIDAY"], "from": "08:00", "to": "18:00", "bandwidthThrottling": 100},
              {"days": ["MONDAY"], "from": "17:00", "to": "20:00", "bandwidthThrottling": 200},
              {"days": ["MONDAY"], "from": "22:00", "to": "06:00", "bandwidthThrottling": 300},
              {"days": ["SUNDAY"], "from": "00:00", "to": "00:00", "bandwidthThrottling": 400}]}
            """;

    private static Bandwidth read(String json) throws MalformedException {
        return Bandwidth.read(JsonMembers.of(new JsonObject(json)));
    }

    @ParameterizedTest
    @CsvSource({
        // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC then.
        "2026-11-23T06:59:59Z, 0, before it begins",
        "2026-11-23T07:00:00Z, 100, from is included",
        "2026-11-23T16:30:00Z, 100, the first that covers the moment holds",
        "2026-11-23T17:00:00Z, 200, to is excluded",
        "2026-11-23T21:00:00Z, 300, over midnight the evening",
        "2026-11-24T04:59:00Z, 300, over midnight the morning of the next day",
        "2026-11-24T05:00:00Z, 0, and its end",
        "2026-11-24T21:00:00Z, 0, not on the evening of another day",
        "2026-11-22T22:59:59Z, 400, a whole day to its end",
        "2026-11-21T23:00:00Z, 400, and from its beginning",
        "2026-11-21T22:59:59Z, 0, and not before",
        "2026-07-20T06:00:00Z, 100, by the summer time of the zone"
    })
    void periodHoldsOnItsDaysInItsZone(Instant moment, int megabits, String why) throws Exception {
        assertThat(read(OFFICE).megabitsPerSecondAt(moment)).as(why).isEqualTo(megabits);
    }

    @Test
    void withoutAScheduleThePlainNumberHolds() throws Exception {
        assertThat(read("{\"bandwidthThrottling\":10000}").megabitsPerSecondAt(Instant.EPOCH))
                .isEqualTo(10_000);
    }

    @Test
    void whatIsReadIsWrittenAlike() throws Exception {
        Bandwidth bandwidth = read(OFFICE);
        assertThat(read(bandwidth.toJson().encode())).isEqualTo(bandwidth);
        assertThat(Bandwidth.UNLIMITED.toJson().encode()).isEqualTo("{\"bandwidthThrottling\":0}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | bandwidthThrottling is missing; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':10001} | bandwidthThrottling=10001; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':1.5} | bandwidthThrottling=1.5; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':'1'} | bandwidthThrottling=1; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':1,'timeZone':'UTC+1'} | timeZone=UTC+1; allowed: the name of an IANA time zone, as Europe/Berlin",
                "{'bandwidthThrottling':1,'schedule':{}} | schedule=(an object); allowed: a list of 0 to 16 elements",
                "{'bandwidthThrottling':1,'schedule':[7]} | schedule[0]=7; allowed: an object",
                "{'bandwidthThrottling':1,'schedule':[{'days':[],'from':'01:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].days=(a list of 0); allowed: a list of 1 to 7 elements",
                "{'bandwidthThrottling':1,'schedule':[{'days':['MONDAY','MONDAY'],'from':'01:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].days=(a list of 2); allowed: each of them once",
                "{'bandwidthThrottling':1,'schedule':[{'days':['MONDAY'],'from':'24:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].from=24:00; allowed: HH:MM from 00:00 to 23:59"
            })
    void mistakeIsNamedWithItsPlace(String json, String sentence) {
        assertThatThrownBy(() -> read(json.replace('\'', '"')))
                .isInstanceOf(MalformedException.class)
                .hasMessage(sentence);
    }
}
