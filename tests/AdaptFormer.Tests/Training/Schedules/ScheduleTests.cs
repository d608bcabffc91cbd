using System.Text.Json;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Training.Schedules;

public sealed class ScheduleTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (var row in ParityCase.Files("lr_schedules"))
                foreach (JsonProperty schedule in ParityCase.Open(row.Data).Config.GetProperty("schedules").EnumerateObject())
                    cases.Add(row.Data, schedule.Name);
            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Every_step_has_the_reference_rate_and_momentum(string file, string name)
    {
        ParityCase golden = ParityCase.Open(file);
        JsonElement s = golden.Config.GetProperty("schedules").GetProperty(name);
        double rtol = golden.Config.GetProperty("rtol").GetDouble();
        bool cosine = s.TryGetProperty("lr", out _);
        (Schedule schedule, ScheduledRun run) = cosine ? Cosine(s) : OneCycle(s);

        double[] expected = golden.Doubles(cosine ? $"out/{name}" : $"out/{name}_lr");
        StepRate[] rates = [.. Enumerable.Range(0, expected.Length).Select(step => schedule.At(step, run))];
        AssertRelative(expected, [.. rates.Select(r => r.Lr)], rtol);
        if (!cosine) AssertRelative(golden.Doubles($"out/{name}_momentum"), [.. rates.Select(r => r.Momentum!.Value)], rtol);
    }

    [Fact]
    public void A_warm_up_starts_at_zero_and_reaches_the_peak()
    {
        ScheduledRun run = new(0.4, 10, 5);
        foreach (Schedule schedule in new Schedule[] { new CosineSchedule(2), new ConstantSchedule(2), new StepSchedule(5, 0.1, 2) })
        {
            Assert.Equal(0, schedule.At(0, run).Lr);
            Assert.Equal(0.2, schedule.At(5, run).Lr, 12);
            Assert.Equal(0.4, schedule.At(10, run).Lr, 12);
        }
    }

    [Fact]
    public void A_run_shorter_than_its_warm_up_never_leaves_it()
    {
        ScheduledRun run = new(1, 2, 4);
        Assert.Equal([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35], Enumerable.Range(0, 8).Select(i => Math.Round(new CosineSchedule(5).At(i, run).Lr, 10)));
    }

    [Fact]
    public void Stairs_fall_at_whole_epochs()
    {
        ScheduledRun run = new(1, 6, 3);
        StepSchedule schedule = new(EveryEpochs: 2, Gamma: 0.5);
        Assert.Equal(1, schedule.At(5, run).Lr);
        Assert.Equal(0.5, schedule.At(6, run).Lr);
        Assert.Equal(0.25, schedule.At(17, run).Lr);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void One_cycle_stays_finite_and_within_the_peak_in_very_short_runs(int steps)
    {
        foreach (OneCycleSchedule schedule in new OneCycleSchedule[] { new(), new(PctStart: 0.5), new(ThreePhase: true), new(CycleMomentum: false) })
        {
            for (int step = 0; step < steps; step++)
            {
                StepRate rate = schedule.At(step, new ScheduledRun(0.1, 1, steps));
                Assert.InRange(rate.Lr, 0, 0.1 + 1e-12);
                Assert.Equal(schedule.CycleMomentum, rate.Momentum is not null);
            }
        }
    }

    private static (Schedule, ScheduledRun) Cosine(JsonElement s) => (
        new CosineSchedule(s.GetProperty("warmup_epochs").GetDouble(), s.GetProperty("min_lr").GetDouble()),
        new ScheduledRun(s.GetProperty("lr").GetDouble(), s.GetProperty("epochs").GetInt32(), s.GetProperty("iters_per_epoch").GetInt32()));

    private static (Schedule, ScheduledRun) OneCycle(JsonElement s)
    {
        int total = s.TryGetProperty("total_steps", out JsonElement steps)
            ? steps.GetInt32()
            : s.GetProperty("steps_per_epoch").GetInt32() * s.GetProperty("epochs").GetInt32();
        OneCycleSchedule schedule = new(
            PctStart: Number(s, "pct_start", 0.3), DivFactor: Number(s, "div_factor", 25), FinalDivFactor: Number(s, "final_div_factor", 1e4),
            Anneal: s.TryGetProperty("anneal_strategy", out JsonElement anneal) && anneal.GetString() == "linear" ? Anneal.Linear : Anneal.Cosine,
            ThreePhase: s.TryGetProperty("three_phase", out JsonElement three) && three.GetBoolean(),
            BaseMomentum: Number(s, "base_momentum", 0.85), MaxMomentum: Number(s, "max_momentum", 0.95));
        return (schedule, new ScheduledRun(s.GetProperty("max_lr").GetDouble(), 1, total));
    }

    private static double Number(JsonElement s, string key, double otherwise) => s.TryGetProperty(key, out JsonElement value) ? value.GetDouble() : otherwise;

    private static void AssertRelative(double[] expected, double[] actual, double rtol)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= (rtol * Math.Abs(expected[i])) + 1e-15, $"step {i}: expected {expected[i]}, got {actual[i]}");
    }
}
