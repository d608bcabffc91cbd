using System.Globalization;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class SearchTests
{
    [Theory]
    [InlineData("1", 1)]
    [InlineData("3", 3)]
    [InlineData("2,3", 6)]
    [InlineData("2,3,4", 24)]
    [InlineData("1,5,1,2", 10)]
    public void A_grid_visits_each_combination_once(string sizes, int count)
    {
        GridAxis[] axes = [.. sizes.Split(',').Select((size, i) => new GridAxis($"key{i}", [.. Enumerable.Range(0, int.Parse(size, CultureInfo.InvariantCulture)).Select(v => $"{v}")]))];
        IReadOnlyList<IReadOnlyList<Setting>> all = new SearchSpace(axes, []).Combinations();
        Assert.Equal(count, all.Count);
        Assert.Equal(count, all.Select(c => string.Join(';', c)).Distinct().Count());
        Assert.All(all, c => Assert.Equal(axes.Select(axis => axis.Key), c.Select(s => s.Key)));
        Assert.All(all, c => Assert.All(c.Zip(axes), pair => Assert.Contains(pair.First.Value, pair.Second.Values)));
    }

    [Fact]
    public void A_random_search_draws_within_its_range_and_again_the_same()
    {
        SearchSpace space = new([GridAxis.Parse("a=1,2")], [RandomAxis.Parse("lr=loguniform(0.001,0.1)"), RandomAxis.Parse("n=int(3,5)"), RandomAxis.Parse("c=choice(x,y)")], 50);
        IReadOnlyList<IReadOnlyList<Setting>> all = space.Combinations();
        Assert.Equal(100, all.Count);
        Assert.Equal(all.Select(c => string.Join(';', c)), space.Combinations().Select(c => string.Join(';', c)));
        Assert.NotEqual(all.Select(c => string.Join(';', c)), space.Combinations(seed: 1).Select(c => string.Join(';', c)));
        double[] rates = [.. all.Select(c => double.Parse(c[1].Value, CultureInfo.InvariantCulture))];
        Assert.All(rates, rate => Assert.InRange(rate, 0.001, 0.1));
        Assert.InRange(rates.Count(rate => rate < 0.01), 30, 70);            // half of them, on a logarithmic scale
        Assert.Equal(["3", "4", "5"], all.Select(c => c[2].Value).Distinct().Order());
        Assert.Equal(["x", "y"], all.Select(c => c[3].Value).Distinct().Order());
    }

    [Fact]
    public void Commas_in_brackets_and_quotes_belong_to_a_value() =>
        Assert.Equal(["[1, 2]", "\"3,4\"", "5"], GridAxis.Parse("k=[1, 2],\"3,4\", 5").Values);

    [Theory]
    [InlineData("tuning.bottleneck", "key=value")]
    [InlineData("tuning.bottleneck=1,,2", "empty value")]
    public void A_grid_that_is_none_is_explained(string text, string says) => Assert.Contains(says, Assert.Throws<ArgumentException>(() => GridAxis.Parse(text)).Message);

    [Theory]
    [InlineData("lr=loguniform(0,1)", "above 0")]
    [InlineData("lr=uniform(2,1)", "above the high one")]
    [InlineData("lr=uniform(2)", "two numbers")]
    [InlineData("lr=normal(0,1)", "uniform(low,high)")]
    [InlineData("n=int(1.5,3)", "whole numbers")]
    public void A_distribution_that_is_none_is_explained(string text, string says) => Assert.Contains(says, Assert.Throws<ArgumentException>(() => RandomAxis.Parse(text)).Message);

    [Fact]
    public void A_range_of_one_value_is_a_range() =>
        Assert.All(new SearchSpace([], [RandomAxis.Parse("n=int(3,3)"), RandomAxis.Parse("x=uniform(2,2)")], 5).Combinations(), c => Assert.Equal(["3", "2"], c.Select(s => s.Value)));

    [Theory]
    [InlineData("cosine", "schedule.warmup_epochs=4", 1)]
    [InlineData("constant", "schedule.warmup_epochs=4", 1)]
    [InlineData("step", "schedule.every_epochs=8", 2)]
    [InlineData("step", "schedule.every_epochs=1", 1)]
    public void A_shorter_training_has_a_schedule_in_proportion(string name, string edit, double expected)
    {
        const string Json = """{ "model": { "name": "vit_tiny_patch16_224", "weights": null }, "tuning": { "method": "linear" }, "data": { "train": "t" }, "epochs": 20 }""";
        Recipe recipe = Experiment.Shorten(Recipe.Parse(Json, overrides: [$"schedule.name={name}", edit]), 5);
        Assert.Equal(5, recipe.Epochs);
        Assert.Equal(expected, recipe.Schedule switch
        {
            CosineSchedule cosine => cosine.WarmupEpochs,
            ConstantSchedule constant => constant.WarmupEpochs,
            StepSchedule step => step.EveryEpochs,
            _ => double.NaN,
        });
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused() =>
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => new SearchSpace([GridAxis.Parse("a=1")], [RandomAxis.Parse("a=int(1,2)")]).Combinations()).Message);

    [Fact]
    public void Halving_never_spends_more_than_its_share_and_ends_with_full_trainings()
    {
        int plans = 0;
        foreach (int combinations in (int[])[2, 3, 5, 8, 16, 32, 100])
        {
            foreach (int epochs in (int[])[1, 2, 3, 5, 10, 30, 100])
            {
                foreach (double share in (double[])[0.05, 0.1, 0.2, 0.33, 0.5, 0.9, 1])
                {
                    HalvingPlan plan;
                    try
                    {
                        plan = HalvingPlan.Create(combinations, epochs, share);
                    }
                    catch (ArgumentException tooLittle)
                    {
                        Assert.True(epochs == 1 || share * combinations * epochs < epochs + 2, tooLittle.Message);
                        continue;
                    }

                    plans++;
                    Assert.True(plan.Cost <= (share * plan.GridCost) + 1e-9, $"{plan}");
                    Assert.Equal(epochs, plan.Rungs[^1].Epochs);
                    Assert.InRange(plan.Rungs[0].Combinations, 1, combinations);
                    Assert.All(plan.Rungs, rung => Assert.True(rung.Combinations >= 1 && rung.Epochs >= 1));
                    Assert.All(plan.Rungs.Zip(plan.Rungs.Skip(1)), pair => Assert.True(pair.First.Epochs < pair.Second.Epochs && pair.First.Combinations >= pair.Second.Combinations, $"{plan}"));
                }
            }
        }

        Assert.True(plans >= 200);
    }

    [Fact]
    public void A_fifth_of_the_paper_s_grid_gives_every_combination_a_try()
    {
        HalvingPlan plan = HalvingPlan.Create(32, 10, 0.2);
        Assert.Equal([new Rung(32, 1), new Rung(3, 10)], plan.Rungs);
        Assert.Equal((62, 320), (plan.Cost, plan.GridCost));
    }

    [Fact]
    public void Lengths_double_where_halves_go_on()
    {
        HalvingPlan plan = HalvingPlan.Create(8, 16, 0.5);
        Assert.Equal([new Rung(8, 2), new Rung(4, 4), new Rung(2, 8), new Rung(1, 16)], plan.Rungs);
        Assert.Equal((64, 128), (plan.Cost, plan.GridCost));
    }
}
