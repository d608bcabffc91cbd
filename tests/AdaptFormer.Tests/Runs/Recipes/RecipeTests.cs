using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Runs.Recipes;

public sealed class RecipeTests
{
    private const string Small = """
        {
          // comments and trailing commas are fine
          "model": { "name": "vit_tiny_patch16_224", "weights": "w.safetensors" },
          "tuning": { "bottleneck": 8, "method": "adaptformer", },
          "data": { "train": "train" },
        }
        """;

    public static TheoryData<string> Shipped =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "recipes"), "*.json").Order(StringComparer.Ordinal).Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(Shipped))]
    public void Every_shipped_recipe_is_valid_and_names_its_own_command(string file)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "recipes", file);
        if (file.StartsWith("pretrain-", StringComparison.Ordinal))
        {
            Assert.NotNull(PretrainRecipe.Load(path));
            Assert.Contains($"adaptformer pretrain recipes/{file} --output", File.ReadAllText(path), StringComparison.Ordinal);
            return;
        }

        Recipe recipe = Recipe.Load(path);
        Assert.Empty(recipe.Warnings());
        Assert.Contains($"adaptformer train recipes/{file} --output", File.ReadAllText(path), StringComparison.Ordinal);
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToJson()).ToJson());
    }

    [Theory]
    [InlineData("cifar100")]
    [InlineData("svhn")]
    [InlineData("food101")]
    public void The_paper_s_recipes_train_at_the_paper_s_rate(string data)
    {
        foreach (string method in new[] { "adaptformer", "vpt", "linear", "full" })
        {
            Recipe recipe = Recipe.Load(Path.Combine(AppContext.BaseDirectory, "recipes", $"{data}-{method}.json"));
            Assert.Equal(1024, recipe.EffectiveBatch);
            Assert.Equal(0.4, recipe.Optimizer.PeakLr(recipe.EffectiveBatch), 12);
            Assert.Equal(new SgdOptions(BaseLr: 0.1, Momentum: 0.9), recipe.Optimizer);
            Assert.Equal(new CosineSchedule(WarmupEpochs: 20), recipe.Schedule);
            Assert.Equal(100, recipe.Epochs);
        }
    }

    [Fact]
    public void The_NUS_WIDE_recipes_have_the_settings_that_they_name()
    {
        foreach (string method in new[] { "adaptformer", "vpt", "linear", "full" })
        {
            Recipe recipe = Recipe.Load(Path.Combine(AppContext.BaseDirectory, "recipes", $"nus-wide-{method}.json"));
            Assert.Equal(new LossOptions(LossName.Asymmetric, GammaNegative: 4, GammaPositive: 0, Clip: 0.05f), recipe.Loss);
            Assert.Equal(new AdamOptions(Lr: 0.001, WeightDecay: 1e-4, DecayVectors: false), recipe.Optimizer);
            Assert.Equal(new OneCycleSchedule(PctStart: 0.2), recipe.Schedule);
            Assert.Equal((40, 128, 0.9997), (recipe.Epochs, recipe.EffectiveBatch, recipe.EmaDecay));
        }
    }

    [Theory]
    [InlineData("in21k-cifar100", "AdaptFormer-64", 91.86)]          // Table 6
    [InlineData("in21k-svhn", "Linear", 55.36)]
    [InlineData("in21k-food101", "Full-tuning", 90.96)]
    [InlineData("supervised-ssv2", "VPT", 55.22)]
    [InlineData("supervised-hmdb51", "AdaptFormer-64", 73.21)]
    [InlineData("swin-cifar100", "AdaptFormer-Swin", 91.88)]         // Table 7
    [InlineData("swin-svhn", "Linear", 69.06)]
    [InlineData("swin-food101", "Full-tuning", 91.43)]
    [InlineData("swin-ssv2", "AdaptFormer-Swin", 54.09)]
    [InlineData("swin-hmdb51", "Full-tuning", 68.73)]
    [InlineData("imagenet", "AdaptFormer-1", 82.33)]                 // Table 9
    [InlineData("ssv2-bottleneck", "bottleneck 256", 58.87)]         // Tables 3 and 10
    [InlineData("nus-wide-bottleneck", "bottleneck 512", 59.82)]
    [InlineData("ssv2-layers", "layers 7-12", 57.99)]
    [InlineData("ssv2-position", "position sequential", 58.17)]
    [InlineData("ssv2-scale", "scale 0.05", 58.85)]
    [InlineData("ssv2-form", "AdaptConv", 58.47)]                    // Table 8
    [InlineData("nus-wide-form", "AdaptMLP", 59.07)]
    [InlineData("cifar100-form", "AdaptLayerNorm-In", 85.71)]
    public void Every_table_of_the_paper_has_a_sweep_that_quotes_it(string sweep, string row, double figure)
    {
        SweepFile file = SweepFile.Load(Path.Combine(AppContext.BaseDirectory, "recipes", "sweeps", $"{sweep}.json"));
        Assert.Equal(figure, file.Paper![row]);
    }

    [Theory]
    [InlineData("ssv2")]
    [InlineData("hmdb51")]
    [InlineData("ssv2-in21k")]
    public void The_paper_s_video_recipes_have_its_settings(string data)
    {
        foreach (string method in new[] { "adaptformer", "vpt", "linear", "full" })
        {
            Recipe recipe = Recipe.Load(Path.Combine(AppContext.BaseDirectory, "recipes", $"{data}-{method}.json"));
            Assert.Equal(data.Split("-")[0], recipe.Data.Kind);
            Assert.Equal(1024, recipe.EffectiveBatch);
            Assert.Equal(0.4, recipe.Optimizer.PeakLr(recipe.EffectiveBatch), 12);
            Assert.Equal(new CosineSchedule(WarmupEpochs: 10), recipe.Schedule);
            Assert.Equal((90, 8), (recipe.Epochs, recipe.Model.NumFrames));
            Assert.Equal(new ClipSettings(Sampling: FrameSampling.Dense, SamplingRate: 4, Crop: TrainCrop.MultiScale, Flip: false, Segments: 4, Crops: 3), recipe.Data.Clip);
        }
    }

    [Fact]
    public void What_a_recipe_leaves_out_has_the_records_defaults()
    {
        Recipe recipe = Recipe.Parse(Small);
        Assert.Equal(new AdaptFormerTuning(Bottleneck: 8), recipe.Tuning);
        Assert.Equal(0.1f, ((AdaptFormerTuning)recipe.Tuning).Scale);
        Assert.Equal(HeadKind.BatchNorm, recipe.Tuning.Head);
        Assert.Equal(new SgdOptions(), recipe.Optimizer);
        Assert.Equal(100, recipe.Epochs);
        Assert.True(recipe.Data.Transform.Flip);
    }

    [Fact]
    public void The_resolved_recipe_writes_every_key_and_reads_back_the_same()
    {
        string json = Recipe.Parse(Small, overrides: ["precision=bfloat16", "schedule={\"name\": \"one_cycle\", \"anneal\": \"linear\"}"]).ToJson();
        foreach (string key in new[] { "\"scale\": 0.1", "\"base_lr\": 0.1", "\"precision\": \"bfloat16\"", "\"anneal\": \"linear\"", "\"head\": \"batch_norm\"", "\"crop\": \"random_resized\"" })
            Assert.Contains(key, json, StringComparison.Ordinal);
        Assert.DoesNotContain("effective_batch", json, StringComparison.Ordinal);
        Assert.Equal(json, Recipe.Parse(json).ToJson());
    }

    [Theory]
    [InlineData("tuning.bottleneck=32", "bottleneck", "32")]
    [InlineData("tuning.method=vpt", "method", "\"vpt\"")]
    [InlineData("optimizer.name=adamw", "name", "\"adamw\"")]
    [InlineData("data.train=a/b.c d", "train", "\"a/b.c d\"")]
    [InlineData("data.train=123", "train", "\"123\"")]
    [InlineData("data.test=null", "test", "null")]
    [InlineData("data.transform.crop=center", "crop", "\"center\"")]
    [InlineData("seed=-5", "seed", "-5")]
    [InlineData("model.image_size=384", "image_size", "384")]
    [InlineData("loss.label_smoothing=0.1", "label_smoothing", "0.1")]
    public void Edits_change_the_tree(string edit, string key, string value) =>
        Assert.Contains($"\"{key}\": {value}", Recipe.Parse(Small, overrides: [edit]).ToJson(), StringComparison.Ordinal);

    [Fact]
    public void Naming_another_method_starts_its_section_anew_whatever_the_order_of_edits()
    {
        Assert.Equal(new LinearProbe(), Recipe.Parse(Small, overrides: ["tuning.method=linear"]).Tuning);
        Assert.Equal(new VptTuning(NumPrompts: 5), Recipe.Parse(Small, overrides: ["tuning.num_prompts=5", "tuning.method=vpt"]).Tuning);
        Assert.Equal(new AdaptFormerTuning(Bottleneck: 8), Recipe.Parse(Small, overrides: ["tuning.method=adaptformer"]).Tuning);
    }

    [Fact]
    public void A_preset_stands_for_its_options_and_keys_beside_it_win()
    {
        Assert.Equal(AdaptFormerTuning.Paper with { Bottleneck = 8 }, Recipe.Parse(Small, overrides: ["tuning.preset=paper"]).Tuning);
        Assert.DoesNotContain("preset", Recipe.Parse(Small, overrides: ["tuning.preset=vpetl"]).ToJson(), StringComparison.Ordinal);
        foreach (string edit in new[] { "tuning.preset=papre", "tuning.preset=3" })
            Assert.Contains("official-image, official-video, paper", Assert.Throws<RecipeException>(() => Recipe.Parse(Small, overrides: [edit])).Message, StringComparison.Ordinal);
        string other = Assert.Throws<RecipeException>(() => Recipe.Parse(Small, overrides: ["tuning.method=vpt", "tuning.preset=paper"])).Message;
        Assert.Contains("belongs to method 'adaptformer', not 'vpt'", other, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_in_no_list_is_described_by_its_sizes()
    {
        Recipe recipe = Recipe.Parse(Small, overrides: ["model.name=mine", "model.config={\"embed_dim\": 96, \"depth\": 4, \"num_heads\": 3, \"img_height\": 32, \"img_width\": 32, \"patch_size\": 4}"]);
        VitConfig config = Assert.IsType<VitConfig>(recipe.Model.Config);
        Assert.Equal((96, 4, 65), (config.EmbedDim, config.Depth, config.Tokens));
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToJson()).ToJson());
    }

    [Fact]
    public void All_problems_are_reported_together_with_their_full_keys()
    {
        RecipeException error = Assert.Throws<RecipeException>(() => Recipe.Parse("""
            {
              "model": { "name": "vit", "image_size": "big" },
              "tuning": { "method": "adaptformer", "bottlneck": 8, "position": "parallell" },
              "data": { "train": 7, "transform": { "flip": "yes" }, "validaton": 0.1 },
              "epochs": 1.5,
              "optimizer": { "name": "sdg" },
              "schedule": "cosine",
              "loss": { "label_smoothing": null },
              "batch_size": 3
            }
            """, "r.json"));

        string[] expected =
        [
            "model.image_size is \"big\"; expected a whole number",
            "model.weights is missing",
            "tuning.bottlneck is not known (did you mean 'bottleneck'?); known: method, bottleneck,",
            "tuning.position 'parallell' is not known (did you mean 'parallel'?); known: parallel, sequential",
            "data.train is 7; expected a text",
            "data.transform.flip is \"yes\"; expected true or false",
            "data.validaton is not known (did you mean 'validation'?)",
            "epochs is 1.5; expected a whole number",
            "optimizer.name 'sdg' is not known (did you mean 'sgd'?); known: sgd, adam, adamw, lars",
            "schedule is \"cosine\"; expected a section, { … }",
            "loss.label_smoothing is null; expected a number",
            "batch_size is not known",
        ];
        Assert.All(expected, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.Equal(expected.Length, error.Problems.Count);
        Assert.StartsWith("r.json has 12 problems:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_values_out_of_range_are_reported_together()
    {
        RecipeException error = Assert.Throws<RecipeException>(() => Recipe.Parse(Small, overrides:
        [
            "epochs=0", "batch=-1", "workers=-2", "optimizer={\"name\":\"sgd\",\"momentum\":1.5,\"lr\":-1}", "data.validation_fraction=1",
            "loss.label_smoothing=1", "model.mean=[0.5]", "model.name=", "schedule={\"name\":\"one_cycle\",\"pct_start\":0.7,\"three_phase\":true}",
        ]));
        string[] keys = ["epochs is 0", "batch is -1", "workers is -2", "optimizer.momentum is 1.5", "optimizer.lr is -1", "data.validation_fraction is 1",
            "loss.label_smoothing is 1", "model.mean is [0.5]", "model.std is null", "model.name is ''", "schedule.pct_start is 0.7"];
        Assert.All(keys, key => Assert.Contains(key, error.Message, StringComparison.Ordinal));
        Assert.Equal(keys.Length, error.Problems.Count);
    }

    [Theory]
    [InlineData("tuning.method=adaptfomer", "tuning.method 'adaptfomer' is not known (did you mean 'adaptformer'?); known: adaptformer, vpt, lora, ssf, houlsby, ia3, bitfit, norm, linear, full")]
    [InlineData("tuning.bottelneck=3", "tuning.bottelneck is not known (did you mean 'bottleneck'?)")]
    [InlineData("tunning.method=vpt", "tunning is not known (did you mean 'tuning'?)")]
    [InlineData("epochs", "--set epochs is not an edit; expected key=value")]
    [InlineData("=3", "is not an edit")]
    [InlineData("a..b=3", "is not an edit")]
    [InlineData("model.name.x=3", "--set model.name.x: model.name is a value, not a section")]
    [InlineData("tuning=null", "tuning is null; expected a section")]
    [InlineData("tuning.method=null", "tuning.method is missing")]
    [InlineData("tuning.scale=1e999", "tuning.scale is 1e999; expected a number")]
    [InlineData("precision=float16", "precision 'float16' is not known (did you mean 'bfloat16'?); known: auto, float32, bfloat16")]
    [InlineData("precision=1", "precision")]
    public void A_wrong_edit_is_explained(string edit, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Recipe.Parse(Small, overrides: [edit])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "one JSON object")]
    [InlineData("{\n  \"epochs\": 3,\n  oops\n}", "line 3")]
    [InlineData("{ \"epochs\": 3, \"epochs\": 4 }", "epochs")]
    [InlineData("{}", "model is missing")]
    public void Text_that_is_no_recipe_is_refused(string json, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Recipe.Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_weights_file_given_as_recipe_is_not_read_whole()
    {
        string path = Path.Combine(Path.GetTempPath(), $"adaptformer-{Guid.NewGuid():N}.bin");
        try
        {
            using (FileStream stream = File.Create(path)) stream.SetLength(50_000_000);
            Assert.Contains("weights file", Assert.Throws<RecipeException>(() => Recipe.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("cosine")]
    [InlineData("constant")]
    [InlineData("step")]
    public void A_warm_up_of_fewer_than_no_epochs_is_refused_by_every_schedule(string schedule)
    {
        RecipeException error = Assert.Throws<RecipeException>(
            () => Recipe.Parse(Small, overrides: [$"schedule.name={schedule}", "schedule.warmup_epochs=-1"]));
        Assert.Contains("schedule.warmup_epochs is -1; expected a number of at least 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_warm_up_that_fills_the_run_is_allowed_with_a_warning()
    {
        Recipe recipe = Recipe.Parse(Small, overrides: ["epochs=2", "schedule.name=cosine", "schedule.warmup_epochs=2"]);
        Assert.Contains("warmup_epochs", Assert.Single(recipe.Warnings()), StringComparison.Ordinal);
    }
}
