using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models;

public sealed class BackboneConfigTests
{
    private const string Recipe = """{ "model": { "name": "mine", "weights": null, "config": { CONFIG } }, "tuning": { "method": "linear" }, "data": { "train": "x" } }""";

    [Fact]
    public void Every_family_has_a_name_in_json_and_a_loader()
    {
        Type[] shipped = [.. typeof(BackboneConfig).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(BackboneConfig)) && !type.IsAbstract)];
        Assert.Equal(shipped.Select(type => type.Name).Order(), BackboneFamily.All.Select(family => family.ConfigType.Name).Order());
        Assert.Equal(BackboneFamily.All.Select(family => family.Name), JsonKinds.Of(typeof(BackboneConfig)).Select(kind => kind.Key));
        Assert.All(ModelZoo.Ids, id => Assert.NotNull(BackboneFamily.Of(ModelZoo.Get(id).Config)));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Sizes_survive_json_and_name_their_family(string id)
    {
        BackboneConfig config = ModelZoo.Get(id).Config;
        Assert.Contains("\"family\":", config.ToJson(), StringComparison.Ordinal);
        Assert.Equal(config, BackboneConfig.FromJson(config.ToJson()));
    }

    public static TheoryData<string> Ids => [.. ModelZoo.Ids];

    [Fact]
    public void A_configuration_without_a_family_is_a_plain_vit()
    {
        Assert.Equal(new VitConfig(32, 32, 8, 96, 6, 3), BackboneConfig.FromJson("""{"img_height":32,"img_width":32,"patch_size":8,"embed_dim":96,"depth":6,"num_heads":3}"""));
        Recipe recipe = AdaptFormer.Runs.Recipes.Recipe.Parse(Recipe.Replace("CONFIG", "\"depth\": 3, \"embed_dim\": 96, \"num_heads\": 3", StringComparison.Ordinal), overrides: ["model.config.depth=4"]);
        Assert.Equal(4, Assert.IsType<VitConfig>(recipe.Model.Config).Depth);
        Assert.Equal(recipe.Model.Config, AdaptFormer.Runs.Recipes.Recipe.Parse(recipe.ToJson()).Model.Config);
    }

    [Fact]
    public void An_unknown_family_is_answered_with_the_known_ones()
    {
        string message = Assert.Throws<RecipeException>(() => AdaptFormer.Runs.Recipes.Recipe.Parse(Recipe.Replace("CONFIG", "\"family\": \"vti\"", StringComparison.Ordinal))).Message;
        Assert.Contains("model.config.family", message, StringComparison.Ordinal);
        Assert.Contains("vit", message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => BackboneConfig.FromJson("""{"family": "vti"}"""));
    }

    [Fact]
    public void A_choice_that_a_family_does_not_have_is_refused()
    {
        string message = Assert.Throws<ArgumentException>(() => new VitConfig().WithNumFrames(8)).Message;
        Assert.Contains("num_frames 8 is for video models", message, StringComparison.Ordinal);
    }
}
