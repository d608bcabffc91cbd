using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Data;
using Xunit;

namespace AdaptFormer.Tests.Runs.Recipes;

/// <summary>The first and the last value that every number of a recipe may have, and the nearest ones that it may not have.</summary>
public sealed class RecipeRangesTests : IDisposable
{
    private const string Small = """{ "model": { "name": "vit_tiny_patch16_224", "weights": null }, "tuning": { "method": "linear" }, "data": { "train": "train" } }""";

    private readonly TempFolder _folder = new();
    private readonly string _pretraining;

    public RecipeRangesTests() => _pretraining = _folder.Write("pretrain.json", """{ "model": { "name": "vit_base_patch16", "weights": null }, "data": { "train": "train" } }""");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("epochs", "1|5000", "0")]
    [InlineData("batch", "1", "0")]
    [InlineData("accumulate", "1", "0|2147483647")]
    [InlineData("workers", "0", "-1")]
    [InlineData("precision", "float32", "int8")]
    [InlineData("evaluate_every", "1", "0")]
    [InlineData("clip_norm", "null|0.001", "0|-1")]
    [InlineData("ema_decay", "0|0.9999", "1|-0.1")]
    [InlineData("layer_decay", "null|1|0.001", "0|1.001")]
    [InlineData("early_stopping", "null|1", "0", "data.validation_fraction=0.1")]
    [InlineData("early_stopping", "null", "1")]
    [InlineData("early_stopping", "1", "0", "data.validation=v")]
    [InlineData("from", "a.safetensors", "\"\"|\" \"")]
    [InlineData("checkpoints", "true", "false", "save.steps=1")]
    [InlineData("checkpoints", "true", "false", "save.minutes=1")]
    [InlineData("checkpoints", "true|false", "")]
    [InlineData("save.steps", "null|1", "0")]
    [InlineData("save.minutes", "null|0.1", "0")]
    [InlineData("save.keep", "1", "0")]
    [InlineData("cluster.timeout", "0.1|86400", "0|86401")]
    [InlineData("model.name", "vit_small_patch16_224", "\"\"")]
    [InlineData("model.weights", "null|w.npz", "\"\"")]
    [InlineData("model.image_size", "null|1|4096", "0|4097")]
    [InlineData("model.num_frames", "null|1|1024", "0|1025")]
    [InlineData("model.inflate_tokens", "true", "false")]
    [InlineData("model.drop_path", "0|0.999", "1|-0.1")]
    [InlineData("model.mean", "[0,0.5,1]", "[0,0.5,1.01]|[0,0.5]|[-0.1,0,0]", "model.std=[0.1,0.1,1]")]
    [InlineData("model.mean", "[0,0.5,1]", "null", "model.std=[0.1,0.1,1]", "model.std")]
    [InlineData("model.std", "[0.1,0.5,1]", "[0,0.5,1]|[0.5,0.5]|[0.5,0.5,1.01]|null", "model.mean=[0,0,0]")]
    [InlineData("data.train", "a", "\" \"")]
    [InlineData("data.test", "null|a", "\" \"")]
    [InlineData("data.kind", "auto|folder|cifar10|hmdb51", "pictures")]
    [InlineData("data.validation", "null|a", "\" \"")]
    [InlineData("data.validation_fraction", "0|0.9", "0.901|-0.1")]
    [InlineData("data.validation_fraction", "0", "0.1", "data.validation=v")]
    [InlineData("data.packed", "null|a", "\" \"")]
    [InlineData("data.transform.min_area", "0.001|1", "0|1.001")]
    [InlineData("data.transform.erase", "0|1", "-0.001|1.001")]
    [InlineData("data.transform.eval_resize", "null|0|8192", "-1|8193")]
    [InlineData("data.clip.root", "null|a", "\" \"")]
    [InlineData("data.clip.test_root", "null|a", "\" \"")]
    [InlineData("data.clip.sampling_rate", "1|1024", "0|1025")]
    [InlineData("data.clip.min_area", "0.001|1", "0|1.001")]
    [InlineData("data.clip.segments", "1|100", "0|101")]
    [InlineData("data.clip.crops", "1|3", "0|2|4")]
    [InlineData("data.clip.eval_resize", "null|1|8192", "0|8193")]
    [InlineData("cache.views", "0|9", "-1")]
    [InlineData("cache.folder", "null|a", "\" \"")]
    [InlineData("cache.max_gb", "0.1", "0|-1")]
    [InlineData("optimizer.base_lr", "0|1", "-0.001", "optimizer.name=sgd")]
    [InlineData("optimizer.lr", "null|0|1", "-0.001", "optimizer.name=sgd")]
    [InlineData("optimizer.weight_decay", "0|1", "-0.001", "optimizer.name=sgd")]
    [InlineData("optimizer.momentum", "0|0.999", "1|-0.1", "optimizer.name=sgd")]
    [InlineData("optimizer.dampening", "0|1", "-0.001|1.001", "optimizer.name=sgd")]
    [InlineData("optimizer.nesterov", "true|false", "", "optimizer.name=sgd;optimizer.momentum=0.9")]
    [InlineData("optimizer.nesterov", "false", "true", "optimizer.name=sgd;optimizer.momentum=0")]
    [InlineData("optimizer.nesterov", "false", "true", "optimizer.name=sgd;optimizer.momentum=0.9;optimizer.dampening=0.1")]
    [InlineData("optimizer.momentum", "0|0.999", "1|-0.1", "optimizer.name=lars")]
    [InlineData("optimizer.trust_coefficient", "0.001", "0", "optimizer.name=lars")]
    [InlineData("optimizer.decay_vectors", "false", "true", "optimizer.name=lars")]
    [InlineData("optimizer.beta1", "0|0.999", "1|-0.1", "optimizer.name=adam")]
    [InlineData("optimizer.beta2", "0|0.999", "1|-0.1", "optimizer.name=adamw")]
    [InlineData("optimizer.eps", "1e-9", "0", "optimizer.name=adamw")]
    [InlineData("schedule.warmup_epochs", "0|1.5", "-0.1", "schedule.name=cosine")]
    [InlineData("schedule.min_lr", "0|1", "-0.1", "schedule.name=cosine")]
    [InlineData("schedule.every_epochs", "1", "0", "schedule.name=step")]
    [InlineData("schedule.gamma", "0.001|1", "0|1.001", "schedule.name=step")]
    [InlineData("schedule.pct_start", "0.001|0.999", "0|1", "schedule.name=one_cycle")]
    [InlineData("schedule.pct_start", "0.001|0.499", "0|0.5", "schedule.name=one_cycle;schedule.three_phase=true")]
    [InlineData("schedule.div_factor", "0.1", "0", "schedule.name=one_cycle")]
    [InlineData("schedule.final_div_factor", "0.1", "0", "schedule.name=one_cycle")]
    [InlineData("schedule.base_momentum", "0|0.999", "1", "schedule.name=one_cycle")]
    [InlineData("schedule.max_momentum", "0|0.999", "1", "schedule.name=one_cycle")]
    [InlineData("loss.label_smoothing", "0|0.999", "1|-0.1")]
    [InlineData("loss.class_weights", "null|[0,1]|[2]", "[]|[0,0]|[-1,2]")]
    [InlineData("loss.balance_classes", "true|false", "")]
    [InlineData("loss.balance_classes", "false", "true", "loss.class_weights=[1,2]")]
    [InlineData("loss.name", "auto|cross_entropy", "bce|asymmetric", "loss.class_weights=[1,2]")]
    [InlineData("loss.name", "auto|cross_entropy", "bce|asymmetric", "loss.balance_classes=true")]
    [InlineData("loss.name", "auto|cross_entropy|bce|asymmetric", "")]
    [InlineData("loss.gamma_negative", "0|99", "-1|100")]
    [InlineData("loss.gamma_positive", "0|99", "-1|100")]
    [InlineData("loss.clip", "0|0.999", "-0.1|1")]
    [InlineData("mix.mixup", "0|100", "-0.1|101", "mix.cutmix=1")]
    [InlineData("mix.cutmix", "0|100", "-0.1|101", "mix.mixup=1")]
    [InlineData("mix.probability", "0|1", "-0.1|1.1", "mix.mixup=1")]
    [InlineData("mix.switch_probability", "0|1", "-0.1|1.1", "mix.mixup=1")]
    public void A_number_is_taken_up_to_its_ends_and_refused_behind_them(string key, string right, string wrong, string with = "", string? blamed = null) =>
        Ends(edits => Recipe.Parse(Small, overrides: edits), key, right, wrong, with, blamed);

    [Theory]
    [InlineData("epochs", "1", "0")]
    [InlineData("save_every", "1", "0")]
    [InlineData("pretraining.mask_ratio", "null|0.001|0.999", "0|1")]
    [InlineData("pretraining.decoder_embed_dim", "16", "0")]
    [InlineData("pretraining.decoder_depth", "1", "0")]
    [InlineData("pretraining.decoder_num_heads", "1", "0")]
    [InlineData("data.test", "null", "t")]
    [InlineData("data.validation", "null", "t")]
    [InlineData("data.validation_fraction", "0", "0.1")]
    [InlineData("save.keep", "1", "0")]
    [InlineData("cluster.timeout", "1", "0")]
    public void So_are_those_of_pretraining(string key, string right, string wrong) =>
        Ends(edits => PretrainRecipe.Load(_pretraining, edits), key, right, wrong, "", null);

    private static void Ends(Action<string[]> parse, string key, string right, string wrong, string with, string? blamed)
    {
        string[] beside = with.Split(';', StringSplitOptions.RemoveEmptyEntries);
        foreach (string value in right.Split('|')) parse([.. beside, $"{key}={value}"]);
        foreach (string value in wrong.Split('|', StringSplitOptions.RemoveEmptyEntries))
        {
            RecipeException error = Assert.Throws<RecipeException>(() => parse([.. beside, $"{key}={value}"]));
            Assert.Contains(error.Problems, problem => problem.StartsWith($"{blamed ?? key} is ", StringComparison.Ordinal));
        }
    }
}
