using System.Text.Json;
using AdaptFormer.Cli.Output;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

public sealed class RunViewTests
{
    private static readonly StartRecord Start = new("vit_tiny_patch16_224", "adaptformer", 300_000, 5_800_000, 5000, 0, 2000, 100, 0.025, "bfloat16", "CPU, managed", 0);
    private static readonly TrainingSummary Summary = new(71.25, 92.5, 1.1, 2000, 10, null, 300_000, 5_800_000, 920, 92, 55.5, 2_100_000_000, 1_250_000, "run/adapter.safetensors", 0);

    [Fact]
    public void Scripts_get_one_json_line_an_epoch_and_one_that_ends_with_the_score()
    {
        string[] lines = Show(json: true, new FakeTime(), report =>
        {
            report(Start);
            report(Progress(1, 5));
            report(Epoch(1));
            report(Epoch(2));
            report(Summary);
        });

        Assert.Equal(3, lines.Length);
        Assert.Equal([1, 2], lines[..2].Select(line => JsonDocument.Parse(line).RootElement.GetProperty("epoch").GetInt32()));
        JsonElement last = JsonDocument.Parse(lines[^1]).RootElement;
        Assert.Equal(71.25, last.GetProperty("test_top1").GetDouble());
        Assert.Equal(300_000, last.GetProperty("trainable_parameters").GetInt64());
        Assert.Equal(920, last.GetProperty("seconds").GetDouble());
    }

    [Fact]
    public void Redirected_progress_is_a_plain_line_now_and_then()
    {
        FakeTime time = new();
        string[] lines = Show(json: false, time, report =>
        {
            report(Start);
            for (int step = 1; step <= 100; step++)
            {
                time.Advance(TimeSpan.FromSeconds(0.5));
                report(Progress(1, step));
            }

            report(Epoch(1));
        });

        string[] progress = [.. lines.Where(line => line.Contains(" left", StringComparison.Ordinal))];
        Assert.Equal(5, progress.Length);   // 50 s at one line each 10 s
        Assert.Equal("epoch 1/10 train 20 %  loss 2.5000  55.5 images/s  waiting 1 %  2 min 00 s left", progress[0]);
        Assert.Equal("epoch 1/10  loss 1.5000  train 40.00 %  val 50.00 %  lr 0.1  55.5 images/s  waiting 1 %  1 min 32 s", lines[^1]);
        Assert.Equal("adaptformer on vit_tiny_patch16_224: 300,000 of 5,800,000 parameters train (5.17 %)", lines[0]);
        Assert.DoesNotContain(lines, line => line.Contains('\u001b'));
    }

    [Fact]
    public void The_outcome_is_a_table_whose_lines_do_not_break()
    {
        string path = string.Concat(Enumerable.Repeat("long/", 20)) + "adapter.safetensors";
        string[] lines = Show(json: false, new FakeTime(), report => report(Summary with { Adapter = path }));
        Assert.Contains(lines, line => line.Contains("test top-1", StringComparison.Ordinal) && line.Contains("71.25 %", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains(path, StringComparison.Ordinal) && line.Contains("1.25 MB", StringComparison.Ordinal));
    }

    [Fact]
    public void Several_seeds_end_with_mean_and_deviation()
    {
        SeedsSummary seeds = SeedsSummary.Of([Summary, Summary with { TestTop1 = 73.25, Seed = 1 }]);
        Assert.Contains(Show(json: false, new FakeTime(), report => report(seeds)), line => line.Contains("72.25 ± 1.41 %", StringComparison.Ordinal));
        JsonElement last = JsonDocument.Parse(Show(json: true, new FakeTime(), report => report(seeds))[^1]).RootElement;
        Assert.Equal(72.25, last.GetProperty("test_top1").GetDouble());
    }

    private static string[] Show(bool json, TimeProvider time, Action<Action<RunRecord>> work)
    {
        StringWriter output = new();
        RunView.Show(new Screen(output, output, terminal: false), json, report => { work(report); return 0; }, time);
        return [.. output.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0)];
    }

    private static ProgressRecord Progress(int epoch, int step) => new("train", epoch, 10, step, 100, 2.5, 55.5, 0.01, 120);

    private static EpochRecord Epoch(int epoch) => new(epoch, 1.5, 40, 2, 50, 80, 0.1, 55.5, 0.01, 92);

    private sealed class FakeTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
