using AdaptFormer.Cli.Demo;
using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli.Demo;

public sealed class DemoTaskTests
{
    [Fact]
    public void The_shipped_backbone_is_small_loads_and_is_the_one_that_the_guide_names()
    {
        Assert.InRange(new FileInfo(ShippedWeights.Find(DemoTask.Weights)).Length, 1, 3_000_000);
        using Backbone model = RecipeBackbone.Load(new DemoTask().Recipe(DemoTask.Methods[0], seed: 0));
        Assert.Equal(DemoTask.WeightsDigest, model.Source!.Digest);
        Assert.Empty(model.Source.Report.Fresh);
    }

    [Fact]
    public void The_pretraining_recipe_makes_a_backbone_of_the_same_sizes_for_the_same_pictures()
    {
        Recipe recipe = Recipe.Load(Path.Combine(AppContext.BaseDirectory, "recipes", "demo-pretrain.json"));
        Assert.Null(recipe.Model.Weights);
        Assert.Equal(DemoTask.Config, recipe.Model.Config);
        Assert.Equal("synthetic-pretraining", recipe.Data.Kind);
        using Backbone fresh = RecipeBackbone.Load(recipe), shipped = RecipeBackbone.Load(new DemoTask().Recipe(DemoTask.Methods[0], seed: 0));
        Assert.Equal(RecipeBackbone.Pictures(recipe, fresh) with { Upright = false }, shipped.ExpectedPictures with { Upright = false });
    }

    [Fact]
    public void Every_seed_draws_training_pictures_of_its_own_and_is_tested_on_the_same()
    {
        DataOptions[] data = [.. new long[] { 0, 1, 2 }.Select(seed => new DemoTask().Recipe(DemoTask.Methods[0], seed).Data)];
        Assert.Equal(3, data.Select(of => of.Train).Distinct().Count());
        string test = Assert.Single(data.Select(of => of.Test).Distinct())!;
        Assert.DoesNotContain(test.Split(':')[1], data.Select(of => of.Train.Split(':')[1]));
    }

    [Fact]
    public void All_methods_share_everything_but_method_and_learning_rate()
    {
        Recipe[] recipes = [.. DemoTask.Methods.Select(method => new DemoTask().Recipe(method, seed: 5))];
        Assert.Equal(Tuning.Methods.Where(id => id is "linear" or "vpt" or "adaptformer" or "full").Order(), recipes.Select(r => r.Tuning.Method).Order());
        Assert.All(recipes, recipe => Assert.All(
            RecipeDifference.Between(recipes[0], recipe),
            difference => Assert.Matches("^(tuning\\.|optimizer\\.base_lr)", difference)));
    }
}
