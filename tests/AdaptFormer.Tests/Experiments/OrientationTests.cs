using System.Text.Json.Nodes;
using AdaptFormer.Data.Images;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>The orientation of pictures from the recipe to the answer.</summary>
public sealed class OrientationTests
{
    [Fact]
    public void Preprocessing_that_says_nothing_answers_as_before_and_new_one_as_to_the_upright_picture()
    {
        using ImageBuffer upright = OrientedFile.Picture(40, 28), stored = OrientedFile.Stored(upright, Orientation.QuarterRight);
        byte[] photo = OrientedFile.Png(stored, OrientedFile.Exif(6)), lying = OrientedFile.Png(stored, OrientedFile.Exif(1)), standing = OrientedFile.Png(upright, OrientedFile.Exif(1));
        Preprocessing expected = Preprocessing.ImageNet(16), old = Preprocessing.FromJson(expected.ToJson().Replace(",\"upright\":true", "", StringComparison.Ordinal), "old");
        Assert.Equal((true, null), (expected.Upright, old.Upright));
        Assert.Contains("not turned upright", old.ToString(), StringComparison.Ordinal);
        Assert.Equal(["orientation ignore, not apply"], old.DifferencesFrom(expected));
        Assert.True(old.TurnsClips);      // what earlier versions did to videos

        using Backbone model = TinyVit.Create();
        new LinearProbe(HeadKind.Plain).Attach(model, 3, new Rng(0));
        TinyBackbone.Randomize(model, 4, _ => true);
        Preprocessing Sized(Preprocessing pictures) => pictures.WithImgSize(model.InputShape[^1]);
        using Predictor before = new(model, ["a", "b", "c"], Sized(old)), now = new(model, ["a", "b", "c"], Sized(expected));
        Assert.Equal(before.Predict(lying), before.Predict(photo));
        Assert.Equal(now.Predict(standing), now.Predict(photo));
        Assert.NotEqual(before.Predict(photo), now.Predict(photo));
        Assert.Equal(before.Predict(standing), now.Predict(standing));      // what carries no orientation is answered as before
    }

    [Theory]
    [InlineData("apply", true)]
    [InlineData("ignore", false)]
    public void An_adapter_records_the_rule_that_it_was_trained_with(string rule, bool upright)
    {
        using TinyTask task = new();
        TrainingSummary summary = TrainingRun.Execute(
            Recipe.Load(task.Recipe, ["epochs=1", $"data.transform.orientation={rule}"]), task["run"], ExistingRun.Refuse, _ => { });
        Assert.Equal(upright, AdapterFile.Open(summary.Adapter!).Preprocessing.Upright);
    }

    [Fact]
    public void A_recipe_without_the_key_applies_and_a_run_of_an_earlier_version_goes_on_as_it_began()
    {
        using TinyTask task = new();
        Recipe recipe = Recipe.Load(task.Recipe);
        Assert.Equal(OrientationRule.Apply, recipe.Data.Transform.Orientation);
        using RunDirectory run = RunDirectory.Create(task["run"], recipe, RunEnvironment.Capture("test"));
        Assert.Equal(OrientationRule.Apply, run.ReadRecipe().Data.Transform.Orientation);
        JsonNode json = JsonNode.Parse(File.ReadAllText(run.RecipePath))!;
        Assert.True(json["data"]!["transform"]!.AsObject().Remove("orientation"));
        File.WriteAllText(run.RecipePath, json.ToJsonString());
        Assert.Equal(OrientationRule.Ignore, run.ReadRecipe().Data.Transform.Orientation);
    }
}
