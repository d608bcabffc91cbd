using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Training;

/// <summary>From what a set of weights expects to how pictures are made ready: models and data do not know each other.</summary>
public static class ModelTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights.</summary>
        /// <param name="augment">How training cuts and mirrors them; the authors' image settings if null. Evaluation follows the weights alone.</param>
        public TransformOptions ToTransform(AugmentOptions? augment = null)
        {
            augment ??= new AugmentOptions();
            return new TransformOptions(
                expected.ImgSize, augment.Crop, augment.MinArea, augment.Flip, Enum.Parse<Interpolation>(expected.Interpolation.ToString()),
                expected.EvalResize, Mean: expected.Mean.ToArray(), Std: expected.Std.ToArray(),
                ColorJitter: augment.ColorJitter, RandAugment: augment.RandAugment, Erase: augment.Erase);
        }
    }

    extension(Backbone model)
    {
        /// <summary>What pictures must look like for this model: as its weights say, else by its id, else as ImageNet's.</summary>
        /// <exception cref="ArgumentException">The model does not read square pictures.</exception>
        public Preprocessing ExpectedPictures
        {
            get
            {
                (int height, int width) = (model.InputShape[^2], model.InputShape[^1]);
                if (height != width) throw new ArgumentException($"{model.Id} reads {height}x{width} pixels; pictures are cut to squares only: set model.image_size.");
                Preprocessing known = model.Source?.Preprocessing
                    ?? (ModelZoo.Contains(model.Id) ? ModelZoo.Get(model.Id).Preprocessing : Preprocessing.ImageNet(height));
                return known.ImgSize == height ? known : known.WithImgSize(height);
            }
        }
    }
}
